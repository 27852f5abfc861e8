package settlement

import (
	"fmt"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// maxResends is how often an invoice may be sent again before a person has to look at it. A new
// send counts when KSeF asked for it (435, 500, 550). A new send from a package also counts when
// KSeF gave no verdict on the invoice, or refused it without naming its number. The failure of a
// whole online session does not count, because it says nothing about a single invoice.
const maxResends = 3

// maxFailedSessions is how many online sessions with an invoice may fail before the invoice goes in
// a package. For packages the failures of sessions are bounded by halving, which finds the invoice
// at fault and lets all others through.
const maxFailedSessions = 2

const neverArrived = "the session is over and does not contain it: it never arrived"

// outcomes collects the moves of one decision.
type outcomes struct {
	pkg   ledger.Package
	moves []Move

	denials   []pairing // 410: whether they speak of the invoices or of the tenant is decided at the end
	letIn     bool      // KSeF let the tenant in
	byReceipt int       // how many were accepted by the session's receipt alone
}

// add gives an invoice the outcome of an answer about it.
func (o *outcomes) add(inv *ledger.Invoice, info ksef.InvoiceInfo) {
	s := info.Status
	o.letIn = o.letIn || letsIn(s.Code)
	switch outcomeOf(s) {
	case toAccept:
		o.moves = append(o.moves, Move{Invoice: inv, Fate: Accept, Accepted: Acceptance{
			Number: info.KSeFNumber, Mode: string(info.InvoicingMode), At: info.AcquisitionDate.Time}})
	case toReject:
		o.moves = append(o.moves, Move{Invoice: inv, Fate: Reject, Code: s.Code, Reason: explain(s)})
	case toPark:
		if s.Code == ksef.InvoicePermissionScope {
			o.denials = append(o.denials, pairing{inv, info})
			return
		}
		o.park(inv, s.Code, parkReason(inv, s))
	case toDuplicate:
		number, session, _ := info.Original()
		o.moves = append(o.moves, Move{Invoice: inv, Fate: LookUp, Code: s.Code, Reason: explain(s),
			Original: Original{Number: number, Session: session, By: ByAnswer}})
	case toResend:
		if s.Code == ksef.InvoiceCancelledWithSession {
			o.moves = append(o.moves, NoVerdict(o.pkg.Lane, inv, s.Code, explain(s), ProvenByAnswer))
			return
		}
		o.moves = append(o.moves, resend(inv, inv.Lane, s.Code, explain(s), ProvenByAnswer))
	}
}

func (o *outcomes) park(inv *ledger.Invoice, code int, reason string) {
	o.moves = append(o.moves, parked(inv, code, "", reason))
}

// attested accepts the invoices whose content hash is in the receipt, and returns the others.
func (o *outcomes) attested(r ksef.Receipt, a *account, missing []*ledger.Invoice, unclear []pairing) (
	left []*ledger.Invoice, leftUnclear []pairing) {
	numbers := map[string]bool{}
	accept := func(inv *ledger.Invoice) bool {
		number := r.ByHash[inv.Hash]
		if number == "" || wrongNumber(inv, number) != "" {
			return false
		}
		numbers[invoice.CanonicalKsefNumber(number)] = true
		o.letIn = true
		o.byReceipt++
		line, _ := r.Line(number)
		o.moves = append(o.moves, Move{Invoice: inv, Fate: Accept, Accepted: Acceptance{Number: number, At: line.AssignedAt}})
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

// absent sends the missing invoices again, because they are proven not to be in KSeF. An answer
// that is left without an owner is then a refusal of one of these invoices.
func (o *outcomes) absent(a account, missing []*ledger.Invoice, proof Proof) {
	if len(a.invoices) == 1 && len(missing) == 1 && len(a.answers) == 1 && a.unread == 0 {
		o.add(missing[0], a.answers[0]) // the only answer is about the only invoice
		return
	}
	for _, inv := range missing {
		switch {
		case len(a.answers) == 0 && inv.State == ledger.Sending:
			// Redis was away before the answer could be written, or the worker died. Only now is it
			// known that the invoice was not sent. The cause lies on this side, so no try is
			// counted. Otherwise an outage here could park invoices.
			o.moves = append(o.moves, again(inv, inv.Lane, Resends, int64(inv.Resends), 0, neverArrived, proof))
		case len(a.answers) == 0:
			o.moves = append(o.moves, NoVerdict(o.pkg.Lane, inv, 0, neverArrived, proof))
		case o.pkg.Lane == ledger.Express:
			o.moves = append(o.moves, NoVerdict(o.pkg.Lane, inv, a.answers[0].Status.Code,
				"KSeF refused an invoice of its session without saying which; sent again to learn whether it is this one, and why", proof))
		case inv.Attachment:
			o.park(inv, a.answers[0].Status.Code, "KSeF refused an invoice of its session without saying which ("+
				explain(a.answers[0].Status)+"), and invoices with an attachment cannot be sent one by one")
		default:
			// Invoices that are sent one by one get an answer each.
			o.moves = append(o.moves, resend(inv, ledger.Express, a.answers[0].Status.Code,
				"KSeF refused an invoice of its session without saying which; sent alone to learn whether it is this one, and why", proof))
		}
	}
}

func parked(inv *ledger.Invoice, code int, gist, reason string) Move {
	return Move{Invoice: inv, Fate: Park, Code: code, Gist: gist, Reason: reason}
}

// resend sends an invoice again and counts this against maxResends. It is for an invoice that KSeF
// refused through KSeF's own fault or without naming its number, and for an invoice of a package if
// KSeF gave no verdict on that invoice.
func resend(inv *ledger.Invoice, lane ledger.Lane, code int, reason string, proof Proof) Move {
	if inv.Resends+1 > maxResends {
		return parked(inv, code, fmt.Sprintf("sent %d times in vain", inv.Resends+1),
			fmt.Sprintf("sent %d times in vain, last: %s; retry when KSeF is well again", inv.Resends+1, reason))
	}
	return again(inv, lane, Resends, int64(inv.Resends)+1, code, reason, proof)
}

// NoVerdict decides about an invoice whose session ended without an answer about it. Either KSeF
// refused the session as a whole, or the session is over and does not contain the invoice. lane is
// the lane of the package. In a package of the bulk lane, the missing answer counts against the
// invoice. If the package was processed, the invoice was in its ZIP, and KSeF left the invoice out
// of the answers.
func NoVerdict(lane ledger.Lane, inv *ledger.Invoice, code int, reason string, proof Proof) Move {
	if lane == ledger.Bulk {
		return resend(inv, inv.Lane, code, reason, proof)
	}
	next := inv.Lane
	// KSeF takes a technical correction in an online session only.
	if inv.FailedSessions+1 >= maxFailedSessions && inv.Corrects == "" {
		next = ledger.Bulk
	}
	return again(inv, next, FailedSessions, int64(inv.FailedSessions)+1, code, reason, proof)
}

func again(inv *ledger.Invoice, lane ledger.Lane, count Counter, value int64, code int, reason string, proof Proof) Move {
	return Move{Invoice: inv, Fate: SendAgain, Code: code, Reason: reason,
		Again: Again{Proof: proof, Lane: lane, Count: count, Value: value}}
}
