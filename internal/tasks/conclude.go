package tasks

import (
	"context"
	"fmt"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

const neverArrived = "the session is over and does not contain it: it never arrived"

// conclude decides about the invoices that the list of a processed session leaves open: those without
// an answer, and those whose answer is unclear. Where the list proves nothing, the session's receipt
// does: it names content hashes. It returns those that nothing proves anything about.
func (w *Worker) conclude(ctx context.Context, t Transport, b *batch, a account, unclear []pairing) (unproven []*ledger.Invoice, err error) {
	missing := a.missing(b.p)
	if len(missing)+len(unclear) == 0 {
		return nil, nil
	}
	// Always, also where the list seems to prove absence: it is one request, and the receipt names
	// content.
	receipt, err := w.arbiter(ctx, t, b.p)
	if err != nil {
		for _, pair := range unclear {
			missing = append(missing, pair.inv)
		}
		return missing, err
	}
	missing, unclear = b.attested(receipt, &a, missing, unclear)
	covered := a.covered(receipt)
	for _, pair := range unclear {
		if covered {
			b.park(pair.inv, pair.info.Status.Code, unclearReason(pair)+"; the session's receipt (UPO) does not have it: look in KSeF whether it is there; if it is not, retry")
			continue
		}
		unproven = append(unproven, pair.inv)
	}
	if !covered && (!a.provesAbsence() || len(receipt.Lines) > a.listedDone()+b.accepted()) {
		return append(unproven, missing...), nil
	}
	b.absent(a, missing)
	return unproven, nil
}

// arbiter fetches the receipt of a package's session; the zero Receipt when there is none to be had.
// It is not kept here: only one that covers the package is.
func (w *Worker) arbiter(ctx context.Context, t Transport, p *ledger.Package) (ksef.Receipt, error) {
	raw, err := t.SessionUPO(ctx, p.Session)
	if _, kind := kindOf(err); kind == ksef.KindRefused {
		return ksef.Receipt{}, nil
	}
	if err != nil {
		return ksef.Receipt{}, notYet(err)
	}
	r, err := ksef.ParseReceipt(raw)
	if err != nil {
		w.o.Log.Warn().Str("package", p.ID).Str("session", p.Session).Err(err).Msg("cannot read the receipt of a session")
		return ksef.Receipt{}, nil
	}
	return r, nil
}

// attested accepts what the receipt has by its content, and returns the others.
func (b *batch) attested(r ksef.Receipt, a *account, missing []*ledger.Invoice, unclear []pairing) (left []*ledger.Invoice, leftUnclear []pairing) {
	numbers := map[string]bool{}
	accept := func(inv *ledger.Invoice) bool {
		number := r.ByHash[inv.Hash]
		if number == "" || wrongNumber(inv, number) != "" {
			return false
		}
		numbers[invoice.CanonicalKsefNumber(number)] = true
		b.succeeded = true
		b.byReceipt++
		line, _ := r.Line(number)
		b.to(inv, ledger.Accepted, accepted(number, ksef.InvoiceInfo{AcquisitionDate: ksef.Time{Time: line.AssignedAt}})...)
		return true
	}
	for _, inv := range missing {
		if !accept(inv) {
			left = append(left, inv)
		}
	}
	for _, pair := range unclear {
		if !accept(pair.inv) {
			leftUnclear = append(leftUnclear, pair)
		}
	}
	a.claim(numbers)
	return left, leftUnclear
}

func unclearReason(pair pairing) string {
	if why := pair.info.Unreadable; why != "" {
		return "KSeF's answer about it cannot be read: " + why
	}
	if pair.info.Status.Processing() {
		return fmt.Sprintf("its session is over, and yet KSeF says of it %d %s", pair.info.Status.Code, pair.info.Status.Description)
	}
	return wrongNumber(pair.inv, pair.info.KSeFNumber)
}

// absent sends again what is proven not to be in KSeF. An answer that is nobody's is a refusal then,
// and some of these are whom it is about.
func (b *batch) absent(a account, missing []*ledger.Invoice) {
	if len(a.invoices) == 1 && len(missing) == 1 && len(a.answers) == 1 && a.unread == 0 {
		b.add(missing[0], a.answers[0]) // one and one: no other invoice that it could be about
		return
	}
	for _, inv := range missing {
		switch {
		case len(a.answers) == 0 && inv.State == ledger.Sending:
			// Nobody knows that it left, and now it is known that it did not: Redis was away between the
			// two, or the worker died. That is no fault of KSeF's or the invoice's, so it is none of the
			// tries that are bounded: an outage of ours must never park anything.
			b.again(inv, inv.Lane, ledger.Set{Field: "resends", Value: inv.Resends}, 0, neverArrived)
		case len(a.answers) == 0:
			b.unheard(inv, 0, neverArrived)
		case b.p.Lane == ledger.Express:
			b.unheard(inv, a.answers[0].Status.Code, "one of several that were refused without their numbers; sent again to learn the reason")
		case inv.Attachment:
			b.park(inv, a.answers[0].Status.Code, "one of several invoices that KSeF refused without naming the number, and invoices with an attachment cannot be sent one by one: "+explain(a.answers[0].Status))
		default:
			// Sent one by one, each gets an answer of its own.
			b.resend(inv, ledger.Express, a.answers[0].Status.Code, "refused without its number; sent alone to learn the reason")
		}
	}
}

// unprovenReason says why an invoice waits whose session does not account for it.
func unprovenReason(a account) string {
	if !a.listed {
		return "KSeF does not give the session's list, and its receipt (UPO) does not have this invoice: it is asked again"
	}
	if a.unansweredSends() > 0 {
		return "KSeF has confirmed that it was sent, and does not tell yet what became of it: it is asked again"
	}
	if a.session.Counted && !a.complete() {
		return fmt.Sprintf("KSeF's list has %d of the session's %d invoices: what is not in it may be accepted, so it is asked again", a.entries, a.session.InvoiceCount)
	}
	return "KSeF's list has no clear answer about it: it may be accepted, so it is asked again"
}
