package tasks

import (
	"context"
	"fmt"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// settleFinal writes the outcome of every invoice of a session that is processed. The list is read
// until it accounts for every invoice; then what is left open by it (duplicates whose original has to
// be looked up) is remembered in the ledger.
func (w *Worker) settleFinal(ctx context.Context, t Transport, p *ledger.Package, session ksef.SessionInfo) error {
	if !p.Listed {
		infos, err := t.SessionInvoices(ctx, p.Session)
		if err != nil {
			return notYet(err)
		}
		running, err := w.settle(ctx, t, p, session, infos)
		if err != nil {
			return err
		}
		if running > 0 {
			return w.lookLater(p, fmt.Sprintf("%d invoices are still being processed, or moved meanwhile", running))
		}
	}
	left, unread, err := w.undecided(ctx, p)
	if err != nil {
		return err
	}
	if !p.Listed && len(unread) == 0 { // else the list is read again: an answer in it may be that of what cannot be read
		if err := w.Ledger.MovePackage(ctx, p, ledger.PackageMove{Set: []ledger.Set{{Field: "listed", Value: true}}}); err != nil {
			return err
		}
	}
	if len(left) > 0 {
		if err := w.recover(ctx, t, p, left); err != nil {
			return notYet(err)
		}
		if left, unread, err = w.undecided(ctx, p); err != nil {
			return err
		}
		if len(left) > 0 {
			return w.lookLater(p, fmt.Sprintf("%d invoices are not settled yet", len(left)))
		}
	}
	if err := w.noteThrough(ctx, p); err != nil {
		return err
	}
	if len(unread) > 0 {
		return w.waitForUnread(ctx, p, len(unread))
	}
	if err := w.endProcessing(ctx, p, ledger.PackageSettled, ksef.SessionProcessed, ""); err != nil {
		return err
	}
	w.o.Log.Info().Str("package", p.ID).Str("session", p.Session).Int("invoices", p.Count).Msg("package settled")
	w.tellRest(ctx, p)
	return w.Queue.Put(ctx, KindReceipt, p.ID, 0, When{})
}

// settle writes what a processed session proves of its invoices. It returns how many are still
// running, or were moved by somebody else meanwhile (their own sender, late with "sent"): the list
// has to be read once more for those. An error that asks to wait says that something is not proven.
func (w *Worker) settle(ctx context.Context, t Transport, p *ledger.Package, session ksef.SessionInfo, infos []ksef.InvoiceInfo) (running int, err error) {
	a, err := w.account(ctx, p, session, infos)
	if err != nil {
		return 0, err
	}
	if n, field := a.unreadable(); n > 0 {
		w.o.Log.Warn().Str("package", p.ID).Str("session", p.Session).Int("answers", n).Str("field", field).
			Msg("answers about single invoices cannot be read: the session's receipt decides about those, the others go on")
	}
	if p.Lane == ledger.Express {
		// A single send has a reference of its own: what the list leaves open, the gateway can tell.
		if err := w.askEach(ctx, t, p, &a); err != nil {
			return 0, notYet(err)
		}
	}
	b := w.newBatch(p)
	unclear, running := b.answered(a)
	for _, info := range a.answers {
		if info.Unreadable == "" && judgeInvoice(info.Status) == outcomeWait {
			running++ // one without a number yet: it may get one
		}
	}
	var unproven []*ledger.Invoice
	if running == 0 {
		if unproven, err = w.conclude(ctx, t, b, a, unclear); err != nil {
			return 0, err
		}
	}
	if err := w.denied(ctx, b); err != nil {
		return 0, err
	}
	conflicts, err := b.write(ctx)
	if err != nil {
		return 0, err
	}
	if running += conflicts; running > 0 || len(unproven) == 0 {
		return running, nil
	}
	return 0, w.awaitProof(ctx, p, unproven, a)
}

// account reads what the package ever held and joins the session's list to it.
func (w *Worker) account(ctx context.Context, p *ledger.Package, session ksef.SessionInfo, infos []ksef.InvoiceInfo) (account, error) {
	ids, err := w.Ledger.Members(ctx, p.ID)
	if err != nil {
		return account{}, err
	}
	members, err := w.Ledger.Invoices(ctx, ids)
	unread, err := w.skip(ctx, err)
	if err != nil {
		return account{}, err
	}
	a := newAccount(p.Lane, members, session, infos)
	// One that cannot be read may be whose answer seems to be nobody's.
	a.members, a.unread = len(ids), len(unread)
	return a, nil
}

// holds reports that the package holds an invoice whose outcome is not known yet.
func holds(p *ledger.Package, inv *ledger.Invoice) bool {
	if inv.Package != p.ID {
		return false
	}
	switch inv.State {
	case ledger.Packed, ledger.Sending, ledger.Unknown, ledger.Sent:
		return true
	}
	return false
}

// answered adds the outcome of every invoice that has a clear answer. It returns those whose answer
// cannot be read, or names no KSeF number of theirs, and how many are still running.
func (b *batch) answered(a account) (unclear []pairing, running int) {
	for _, pair := range a.pairs {
		if !holds(b.p, pair.inv) {
			continue
		}
		outcome := judgeInvoice(pair.info.Status)
		switch {
		case pair.info.Unreadable != "", outcome == outcomeAccept && wrongNumber(pair.inv, pair.info.KSeFNumber) != "":
			unclear = append(unclear, pair)
		case outcome == outcomeWait:
			running++
		default:
			b.add(pair.inv, pair.info)
		}
	}
	return unclear, running
}

// askEach asks for the status of invoices that were sent but that the list leaves open. A gateway
// that refuses to tell leaves them open.
func (w *Worker) askEach(ctx context.Context, t Transport, p *ledger.Package, a *account) error {
	if len(a.answers) == 0 && a.complete() {
		return nil // no answer is left over: those invoices never arrived
	}
	rest := a.invoices[:0:0]
	for _, inv := range a.invoices {
		if inv.Reference == "" || !holds(p, inv) {
			rest = append(rest, inv)
			continue
		}
		info, err := t.InvoiceStatus(ctx, inv.Reference)
		if _, kind := kindOf(err); kind == ksef.KindRefused || kind == ksef.KindUnreadable {
			rest = append(rest, inv)
			continue
		}
		if err != nil {
			return err
		}
		a.pairs = append(a.pairs, pairing{inv, info})
		a.claimAnswer(info)
	}
	a.invoices = rest
	return nil
}

// claimAnswer takes out of the answers that are nobody's the one that InvoiceStatus has just given an
// owner: by its KSeF number, by its name, or else any refusal of the same code.
func (a *account) claimAnswer(info ksef.InvoiceInfo) {
	same := []func(ksef.InvoiceInfo) bool{
		func(o ksef.InvoiceInfo) bool { return info.KSeFNumber != "" && o.KSeFNumber == info.KSeFNumber },
		func(o ksef.InvoiceInfo) bool { return info.Ordinal != 0 && o.Ordinal == info.Ordinal },
		func(o ksef.InvoiceInfo) bool {
			return o.Status.Code == info.Status.Code && normalName(o.InvoiceNumber) == normalName(info.InvoiceNumber)
		},
		func(o ksef.InvoiceInfo) bool {
			return o.Status.Code == info.Status.Code && o.KSeFNumber == "" && o.InvoiceNumber == ""
		},
	}
	for _, is := range same {
		for i, o := range a.answers {
			if is(o) {
				a.answers = append(a.answers[:i:i], a.answers[i+1:]...)
				return
			}
		}
	}
}
