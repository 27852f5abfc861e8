package tasks

import (
	"context"
	"fmt"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// maxResends is how often KSeF may ask for an invoice to be sent anew (435, 500, 550) before a person has to look. Only answers about the invoice itself count: what befell
// a session as a whole says nothing about any invoice in it.
const maxResends = 3

// maxStrikes is how many online sessions may come to nothing with an invoice before it travels in a package. There the failure of a session has a bound of its own:
// halving finds the invoice that is at fault, and lets all others through.
const maxStrikes = 2

// settleFinal writes the outcome of every invoice of a session that is processed. The list is fetched once: what is left open by it (duplicates whose original
// has to be looked up) is remembered in the ledger.
func (w *Worker) settleFinal(ctx context.Context, t Transport, p *ledger.Package) error {
	if !p.Listed {
		infos, err := t.SessionInvoices(ctx, p.Session)
		if err != nil {
			return notYet(err)
		}
		running, err := w.settle(ctx, t, p, infos, true)
		if err != nil {
			return err
		}
		if running > 0 {
			return w.lookLater(p, fmt.Sprintf("%d invoices are still being processed, or moved meanwhile", running))
		}
		if err := w.Ledger.MovePackage(ctx, p, ledger.PackageMove{Set: []ledger.Set{{Field: "listed", Value: true}}}); err != nil {
			return err
		}
	}
	left, err := w.pending(ctx, p)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		if err := w.recover(ctx, t, p, left); err != nil {
			return notYet(err)
		}
		if left, err = w.pending(ctx, p); err != nil {
			return err
		}
		if len(left) > 0 {
			return w.lookLater(p, fmt.Sprintf("%d invoices are not settled yet", len(left)))
		}
	}
	if err := w.endProcessing(ctx, p, ledger.PackageSettled, ksef.SessionProcessed, ""); err != nil {
		return err
	}
	w.o.Log.Info().Str("package", p.ID).Str("session", p.Session).Int("invoices", p.Count).Msg("package settled")
	return w.Queue.Put(ctx, KindReceipt, p.ID, 0, When{})
}

// settle writes outcomes. final says that the session is over: an invoice that is not in its list never arrived. It returns how many are still running, or were moved by
// somebody else meanwhile (their own sender, late with "sent"): the list has to be read once more for those.
func (w *Worker) settle(ctx context.Context, t Transport, p *ledger.Package, infos []ksef.InvoiceInfo, final bool) (running int, err error) {
	invs, err := w.pending(ctx, p)
	if err != nil {
		return 0, err
	}
	m := match(invs, infos)
	if final && p.Lane == ledger.Express {
		// A single send has a reference of its own: what the list could not tell apart, the gateway can.
		if err := w.askEach(ctx, t, &m); err != nil {
			return 0, notYet(err)
		}
	}
	b := w.newBatch(p)
	for _, pair := range m.pairs {
		if judgeInvoice(pair.info.Status) == outcomeWait {
			running++
			continue
		}
		b.add(pair.inv, pair.info)
	}
	for _, a := range m.answers {
		if judgeInvoice(a.Status) == outcomeWait {
			running++ // one without a number yet: it may get one
		}
	}
	if final && running == 0 {
		if err := b.unmatched(ctx, m, infos); err != nil {
			return 0, err
		}
	}
	conflicts, err := b.write(ctx)
	return running + conflicts, err
}

// askEach asks for the status of invoices that were sent but that no answer of the list bears the number of.
func (w *Worker) askEach(ctx context.Context, t Transport, m *matching) error {
	if len(m.answers) == 0 {
		return nil // no answer is left over: those invoices never arrived
	}
	var rest []*ledger.Invoice
	for _, inv := range m.invoices {
		if inv.Reference == "" {
			rest = append(rest, inv)
			continue
		}
		info, err := t.InvoiceStatus(ctx, inv.Reference)
		if err != nil {
			return err
		}
		m.pairs = append(m.pairs, pairing{inv, info})
		m.answers = m.answers[:max(0, len(m.answers)-1)]
	}
	m.invoices = rest
	return nil
}

// batch collects moves of invoices of one package, so that ten thousand outcomes are a few round trips.
type batch struct {
	w     *Worker
	p     *ledger.Package
	moves []ledger.Move
	resub []*ledger.Invoice
}

func (w *Worker) newBatch(p *ledger.Package) *batch { return &batch{w: w, p: p} }

func (b *batch) to(inv *ledger.Invoice, s ledger.State, set ...ledger.Set) {
	b.moves = append(b.moves, ledger.Move{ID: inv.ID, Rev: inv.Rev, To: s, In: b.p.ID, Set: set})
}

func (b *batch) add(inv *ledger.Invoice, info ksef.InvoiceInfo) {
	s := info.Status
	switch judgeInvoice(s) {
	case outcomeAccept:
		if why := wrongNumber(inv, info.KSeFNumber); why != "" {
			b.park(inv, s.Code, why)
			return
		}
		b.to(inv, ledger.Accepted, accepted(info.KSeFNumber, info)...)
	case outcomeReject:
		b.to(inv, ledger.Rejected, because(s.Code, explain(s))...)
	case outcomePark:
		b.park(inv, s.Code, parkReason(s))
	case outcomeDuplicate:
		number, session, _ := info.Original()
		b.moves = append(b.moves, ledger.Move{ID: inv.ID, Rev: inv.Rev, From: []ledger.State{inv.State}, In: b.p.ID, Set: append(
			because(s.Code, explain(s)), ledger.Set{Field: "orig_number", Value: number}, ledger.Set{Field: "orig_session", Value: session}, ledger.Set{Field: "orig_by", Value: ""})})
	case outcomeResend:
		if s.Code == ksef.InvoiceCancelledWithSession {
			b.unheard(inv, s.Code, explain(s))
			return
		}
		b.resend(inv, inv.Lane, s.Code, explain(s))
	}
}

const neverArrived = "the session is over and does not contain it: it never arrived"

// unmatched judges what is left over of a session that is over.
func (b *batch) unmatched(ctx context.Context, m matching, infos []ksef.InvoiceInfo) error {
	if len(m.invoices) == 1 && len(m.answers) == 1 {
		alone, err := b.w.onlyOneUnnamed(ctx, b.p, infos)
		if err != nil {
			return err
		}
		if alone {
			b.add(m.invoices[0], m.answers[0])
			return nil
		}
	}
	for _, inv := range m.invoices {
		switch {
		case len(m.answers) == 0 && inv.State == ledger.Sending:
			// Nobody knows that it left, and now it is known that it did not: Redis was away between the two, or the worker died. That is no fault of KSeF's or the invoice's, so
			// it is none of the tries that are bounded: an outage of ours must never park anything.
			b.again(inv, inv.Lane, ledger.Set{Field: "resends", Value: inv.Resends}, 0, neverArrived)
		case len(m.answers) == 0:
			b.unheard(inv, 0, neverArrived)
		case b.p.Lane == ledger.Express:
			b.unheard(inv, m.answers[0].Status.Code, "one of several that were refused without their numbers; sent anew to learn the reason")
		case inv.Attachment:
			b.park(inv, m.answers[0].Status.Code, "one of several invoices that KSeF refused without naming the number, and invoices with an attachment cannot be sent one by one: "+explain(m.answers[0].Status))
		default:
			// Every answer left over is a refusal (an accepted invoice always bears its number), so nothing of them is in KSeF;
			// sent one by one, each gets an answer of its own.
			b.resend(inv, ledger.Express, m.answers[0].Status.Code, "refused without its number; sent alone to learn the reason")
		}
	}
	return nil
}

// onlyOneUnnamed reports whether all invoices that ever were in the package but one are named by an answer. Looking at those that are pending is not enough: on a second look at a list, an answer
// without number can be that of an invoice which was settled at the first one.
func (w *Worker) onlyOneUnnamed(ctx context.Context, p *ledger.Package, infos []ksef.InvoiceInfo) (bool, error) {
	ids, err := w.Ledger.Members(ctx, p.ID)
	if err != nil {
		return false, err
	}
	members, err := w.Ledger.Invoices(ctx, ids)
	if err != nil {
		return false, err
	}
	named := make(map[string]bool, len(infos))
	for _, info := range infos {
		named[info.InvoiceNumber] = true
	}
	unnamed := 0
	for i := range members {
		if !named[members[i].Number] {
			unnamed++
		}
	}
	return unnamed == 1, nil
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
	if inv.Strikes+1 >= maxStrikes {
		lane = ledger.Bulk
	}
	b.again(inv, lane, ledger.Set{Field: "strikes", Value: inv.Strikes + 1}, code, reason)
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
		if err := b.w.Queue.Put(ctx, KindSubmit, inv.ID, inv.Rev+1, When{Crowd: inv.Crowd}); err != nil {
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
	set := append(because(ksef.InvoiceAccepted, ""), ledger.Set{Field: "ksef_number", Value: number},
		ledger.Set{Field: "mode", Value: string(info.InvoicingMode)})
	if at := info.AcquisitionDate; !at.IsZero() {
		set = append(set, ledger.Set{Field: "accepted_at", Value: ledger.At(at.Time)})
	}
	return set
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

func parkReason(s ksef.StatusInfo) string {
	switch s.Code {
	case ksef.InvoicePermissionScope:
		return explain(s) + "; give the account the permission, then retry"
	case ksef.InvoiceAttachmentsNotAllowed:
		return explain(s) + "; ask the Ministry for permission to send attachments, then retry"
	}
	if _, known := ksef.InvoiceMeaning(s.Code); !known {
		return fmt.Sprintf("KSeF answered a code that is not documented (%d %s); find out whether it has the invoice before retrying", s.Code, explain(s))
	}
	return explain(s)
}
