package tasks

import (
	"context"
	"fmt"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// maxResends is how often KSeF may ask for an invoice to be sent again (435, 500, 550) before a
// person has to look. Only answers about the invoice itself count: what befell a session as a whole
// says nothing about any invoice in it.
const maxResends = 3

// maxFailedSessions is how many online sessions may come to nothing with an invoice before it travels in a
// package. There the failure of a session has a bound of its own: halving finds the invoice that is
// at fault, and lets all others through.
const maxFailedSessions = 2

// batch collects moves of invoices of one package, so that ten thousand outcomes are a few round trips.
type batch struct {
	w     *Worker
	p     *ledger.Package
	moves []ledger.Move
	resub []*ledger.Invoice

	denials   []pairing // 410: whether they speak of the invoices or of the tenant is decided at the end
	succeeded bool      // KSeF let the tenant in
	byReceipt int       // accepted by the session's receipt alone
}

func (w *Worker) newBatch(p *ledger.Package) *batch { return &batch{w: w, p: p} }

func (b *batch) to(inv *ledger.Invoice, s ledger.State, set ...ledger.Set) {
	b.moves = append(b.moves, ledger.Move{ID: inv.ID, Rev: inv.Rev, To: s, In: b.p.ID, Set: set})
}

// accepted is how many invoices the batch accepts that no answer of the list says so of.
func (b *batch) accepted() int { return b.byReceipt }

func (b *batch) add(inv *ledger.Invoice, info ksef.InvoiceInfo) {
	s := info.Status
	b.succeeded = b.succeeded || isSuccess(s.Code)
	switch judgeInvoice(s) {
	case outcomeAccept:
		b.to(inv, ledger.Accepted, accepted(info.KSeFNumber, info)...)
	case outcomeReject:
		b.to(inv, ledger.Rejected, because(s.Code, explain(s))...)
	case outcomePark:
		if s.Code == ksef.InvoicePermissionScope {
			b.denials = append(b.denials, pairing{inv, info})
			return
		}
		b.park(inv, s.Code, parkReason(inv, s))
	case outcomeDuplicate:
		number, session, _ := info.Original()
		b.moves = append(b.moves, ledger.Move{ID: inv.ID, Rev: inv.Rev, From: []ledger.State{inv.State}, In: b.p.ID, Set: append(
			because(s.Code, explain(s)), ledger.Set{Field: "orig_number", Value: number}, ledger.Set{Field: "orig_session", Value: session}, ledger.Set{Field: "orig_by", Value: byAnswer})})
	case outcomeResend:
		if s.Code == ksef.InvoiceCancelledWithSession {
			b.unheard(inv, s.Code, explain(s))
			return
		}
		b.resend(inv, inv.Lane, s.Code, explain(s))
	}
}

func (b *batch) park(inv *ledger.Invoice, code int, reason string) {
	b.to(inv, ledger.Parked, because(code, reason)...)
}

// resend is for an invoice that KSeF refused by its own fault, in an answer about this very invoice.
func (b *batch) resend(inv *ledger.Invoice, lane ledger.Lane, code int, reason string) {
	if inv.Resends+1 > maxResends {
		b.park(inv, code, fmt.Sprintf("sent %d times in vain, last: %s; retry when KSeF is well again", inv.Resends+1, reason))
		return
	}
	b.again(inv, lane, ledger.Set{Field: "resends", Value: inv.Resends + 1}, code, reason)
}

// unheard is for an invoice whose session came to nothing without a word about it: failed as a whole, or over and not containing it. In a package that was
// processed that is a word: it was in the ZIP, and is the only one that KSeF does not tell of.
func (b *batch) unheard(inv *ledger.Invoice, code int, reason string) {
	if b.p.Lane == ledger.Bulk {
		b.resend(inv, inv.Lane, code, reason)
		return
	}
	lane := inv.Lane
	if inv.FailedSessions+1 >= maxFailedSessions {
		lane = ledger.Bulk
	}
	b.again(inv, lane, ledger.Set{Field: "failed_sessions", Value: inv.FailedSessions + 1}, code, reason)
}

// again returns an invoice to the start of its way, counted says what is counted by it. The proof that nothing of it is out there is the caller's: its session is over and did not take it.
func (b *batch) again(inv *ledger.Invoice, lane ledger.Lane, counted ledger.Set, code int, reason string) {
	b.to(inv, ledger.Queued, append(because(code, reason), counted,
		ledger.Set{Field: "lane", Value: lane}, ledger.Set{Field: "package", Value: ""}, ledger.Set{Field: "session", Value: ""},
		ledger.Set{Field: "reference", Value: ""})...)
	b.resub = append(b.resub, inv)
}

// write makes the moves. An invoice that somebody else moved in between is left as it is; it returns how many.
func (b *batch) write(ctx context.Context) (conflicts int, err error) {
	errs, err := b.w.Ledger.Apply(ctx, b.moves)
	if err != nil {
		return 0, err
	}
	if b.succeeded {
		if err := b.w.Ledger.NoteAccepted(ctx, b.p.Tenant, b.w.o.Now()); err != nil {
			return 0, err
		}
	}
	count := map[ledger.State]int{}
	for i, m := range b.moves {
		if errs[i] != nil {
			conflicts++
		} else if m.To != "" {
			count[m.To]++
		}
	}
	for s, n := range count {
		b.w.reached(KindConfirm, s, n)
	}
	for _, inv := range b.resub {
		if err := b.w.Queue.Put(ctx, KindSubmit, inv.ID, inv.Rev+1, When{Overflow: inv.Overflow}); err != nil {
			return conflicts, err // the sweep finds it
		}
	}
	return conflicts, nil
}

// unheard returns every given invoice of a failed online session to the start of its way.
func (w *Worker) unheard(ctx context.Context, p *ledger.Package, invs []ledger.Invoice, code int, reason string) error {
	b := w.newBatch(p)
	for i := range invs {
		b.unheard(&invs[i], code, reason)
	}
	_, err := b.write(ctx) // the caller looks what is left
	return err
}

func because(code int, reason string) []ledger.Set {
	return []ledger.Set{{Field: "code", Value: code}, {Field: "reason", Value: reason}}
}

func accepted(number string, info ksef.InvoiceInfo) []ledger.Set {
	set := append(because(ksef.InvoiceAccepted, ""), ledger.Set{Field: "ksef_number", Value: tidyNumber(number)},
		ledger.Set{Field: "mode", Value: string(info.InvoicingMode)})
	if at := info.AcquisitionDate; !at.IsZero() {
		set = append(set, ledger.Set{Field: "accepted_at", Value: ledger.At(at.Time)})
	}
	return set
}

// tidyNumber is how a KSeF number is kept: in 35 characters where its checksum holds, which it does
// for every number of KSeF 2.0 however it was spelled; as it was given otherwise.
func tidyNumber(number string) string {
	canonical := invoice.CanonicalKsefNumber(number)
	if _, err := invoice.ParseKsefNumber(canonical); err == nil {
		return canonical
	}
	return number
}

// wrongNumber says what is wrong with a KSeF number, "" when nothing is.
func wrongNumber(inv *ledger.Invoice, number string) string {
	n, err := invoice.ParseKsefNumber(number)
	switch {
	case err != nil:
		return fmt.Sprintf("KSeF says accepted, but its number %q is none: %v", number, err)
	case n.SellerNIP != inv.NIP:
		return fmt.Sprintf("KSeF says accepted, but number %s belongs to seller %s, not %s", number, n.SellerNIP, inv.NIP)
	}
	return ""
}

func parkReason(inv *ledger.Invoice, s ksef.StatusInfo) string {
	switch s.Code {
	case ksef.InvoicePermissionScope:
		if subjectOf(inv) == ksef.Subject2 {
			return fmt.Sprintf("%s; seller NIP %s has not granted buyer NIP %s the permission to issue its invoices (SelfInvoicing): ask it to, then retry",
				explain(s), inv.NIP, inv.ContextNIP())
		}
		return explain(s) + "; give the account the permission, then retry"
	case ksef.InvoiceAttachmentsNotAllowed:
		return explain(s) + "; ask the Ministry for permission to send attachments, then retry"
	}
	if _, known := ksef.InvoiceMeaning(s.Code); !known {
		return fmt.Sprintf("KSeF answered a code that is not documented (%d %s); find out whether it has the invoice before retrying", s.Code, explain(s))
	}
	return explain(s)
}
