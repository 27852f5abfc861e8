package settlement

import (
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
)

// covered reports whether a receipt of the session accounts for every acceptance: it has as many
// lines as the session counts successes, the session counts everything that was in it, and there is
// a line for each acceptance in the list. Then what is not in it was not accepted. Without such
// counts every answer in the list must be clear.
//
// Every line must be of an invoice of ours, or the receipt may be another session's, or write
// hashes in a way that nobody here knows.
func (a account) covered(r ksef.Receipt) bool {
	if !a.listed { // what was refused, and why, is not known: sending it again would lose the reason
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

// claim takes the answers with one of these KSeF numbers out of those without an owner.
func (a *account) claim(numbers map[string]bool) {
	var left []ksef.InvoiceInfo
	for _, info := range a.answers {
		if info.KSeFNumber == "" || !numbers[invoice.CanonicalKsefNumber(info.KSeFNumber)] {
			left = append(left, info)
		}
	}
	a.answers = left
}
