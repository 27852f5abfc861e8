package settlement

import (
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
)

// covered reports whether a receipt of the session has every acceptance. If so, an invoice outside
// the receipt was not accepted. The receipt must have at least as many lines as the session counts
// successes, and a line for each acceptance in the list. The session must count everything that was
// in it. If the session has no such counts, the list must be complete and its answers must be
// clear.
//
// Every line must be about one of our invoices. Otherwise the receipt may be another session's, or
// it may write hashes in a way that is not known here. An empty receipt covers nothing.
func (a account) covered(r ksef.Receipt) bool {
	if !a.listed { // without a list the reasons of refusals are unknown, and sending again would lose them
		return false
	}
	if a.session.Tallied() {
		if len(r.Lines) < a.session.SuccessfulInvoiceCount || a.session.InvoiceCount < a.expected() {
			return false // the receipt, or the count, lags
		}
	} else if !a.complete() {
		return false
	}
	ours := 0
	for hash := range r.ByHash {
		if !a.hashes[hash] {
			return false
		}
		ours++
	}
	if ours < len(r.Lines) || len(r.Lines) == 0 {
		return false
	}
	for _, info := range a.answers {
		if info.Status.Done() || info.Unreadable != "" && !a.session.Tallied() {
			return false
		}
	}
	for _, p := range a.pairs {
		unclear := !a.session.Tallied() && (p.info.Unreadable != "" || p.info.Status.Processing())
		if (p.info.Status.Done() || unclear) && r.ByHash[p.inv.Hash] == "" {
			return false
		}
	}
	return true
}

// claim removes, from the answers without an owner, those that have one of these KSeF numbers.
func (a *account) claim(numbers map[string]bool) {
	var left []ksef.InvoiceInfo
	for _, info := range a.answers {
		if info.KSeFNumber == "" || !numbers[invoice.CanonicalKsefNumber(info.KSeFNumber)] {
			left = append(left, info)
		}
	}
	a.answers = left
}
