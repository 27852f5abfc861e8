package tasks

import (
	"cmp"
	"context"
	"fmt"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// settleFinal writes the outcome of every invoice of a session that is processed. The list is read
// until it accounts for every invoice; then what is left open by it (duplicates whose original has to
// be looked up) is remembered in the ledger.
func (w *Worker) settleFinal(ctx context.Context, t Transport, p *ledger.Package, session ksef.SessionInfo) error {
	if !p.Listed {
		infos, err := w.listOf(ctx, t, p)
		if err != nil {
			return err
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

// listOf reads the list of a session that is over. The gateway may refuse it, or answer in a form that
// nobody here knows, and may do so for ever: then there is none, and the session's receipt alone can
// tell. nil is no list; an empty one is not nil.
func (w *Worker) listOf(ctx context.Context, t Transport, p *ledger.Package) ([]ksef.InvoiceInfo, error) {
	infos, err := t.SessionInvoices(ctx, p.Session)
	if _, kind := kindOf(err); kind == ksef.KindRefused || kind == ksef.KindUnreadable {
		w.o.Log.Warn().Str("package", p.ID).Str("session", p.Session).Err(err).Msg("the list of a session is not to be had: its receipt is asked instead")
		return nil, nil
	}
	if err != nil {
		return nil, notYet(err)
	}
	if infos == nil {
		infos = []ksef.InvoiceInfo{}
	}
	return infos, nil
}

// settle writes what a processed session proves of its invoices. It returns how many were moved by
// somebody else meanwhile (their own sender, late with "sent"), or are still running: the list has to
// be read once more for those. An error that asks to wait says that something is not proven.
func (w *Worker) settle(ctx context.Context, t Transport, p *ledger.Package, session ksef.SessionInfo, infos []ksef.InvoiceInfo) (running int, err error) {
	a, err := w.account(ctx, p, session, infos)
	if err != nil {
		return 0, err
	}
	if n, field := a.unreadable(); n > 0 {
		w.o.Log.Warn().Str("package", p.ID).Str("session", p.Session).Int("answers", n).Str("field", field).
			Msg("answers about single invoices cannot be read: the session's receipt decides about those, the others go on")
	}
	var sick error // what could not be asked now: it leaves open what it is about, and nothing else
	if p.Lane == ledger.Express {
		// A single send has a reference of its own: what the list leaves open, the gateway can tell.
		sick = w.askEach(ctx, t, p, &a)
	}
	b := w.newBatch(p)
	unclear, still := b.answered(a)
	// A session that is over has decided. What it calls "in process" all the same is waited for, but not
	// for ever.
	patient := p.Doubt == 0 || w.o.Now().Sub(p.Doubt.Time()) < proofPatience
	var unproven []*ledger.Invoice
	if a.processing() && patient {
		for _, pair := range still {
			unproven = append(unproven, pair.inv)
		}
		unproven = append(unproven, a.missing(p)...)
		for _, pair := range unclear {
			unproven = append(unproven, pair.inv)
		}
	} else if unproven, err = w.conclude(ctx, t, b, a, append(unclear, still...)); err != nil {
		sick = cmp.Or(sick, err)
	}
	if err := w.denied(ctx, b); err != nil {
		return 0, err
	}
	conflicts, err := b.write(ctx)
	if err != nil {
		return 0, err
	}
	if conflicts > 0 {
		return conflicts, nil
	}
	if len(unproven) == 0 {
		return 0, notYet(sick)
	}
	if err := w.awaitProof(ctx, p, unproven, a); err != nil {
		return 0, cmp.Or(notYet(sick), err)
	}
	return 0, nil
}

// missing are the invoices of the package that no answer could be joined to.
func (a account) missing(p *ledger.Package) []*ledger.Invoice {
	var out []*ledger.Invoice
	for _, inv := range a.invoices {
		if holds(p, inv) {
			out = append(out, inv)
		}
	}
	return out
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
	a.members, a.unread, a.pkg = len(ids), len(unread), p
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
// cannot be read, or names no KSeF number of theirs, and those that are still running.
func (b *batch) answered(a account) (unclear, running []pairing) {
	for _, pair := range a.pairs {
		if !holds(b.p, pair.inv) {
			continue
		}
		outcome := judgeInvoice(pair.info.Status)
		switch {
		case pair.info.Unreadable != "", outcome == outcomeAccept && wrongNumber(pair.inv, pair.info.KSeFNumber) != "":
			unclear = append(unclear, pair)
		case outcome == outcomeWait:
			running = append(running, pair)
		default:
			b.add(pair.inv, pair.info)
		}
	}
	return unclear, running
}

// askEach asks for the status of invoices that were sent but that the list leaves open, whatever else
// it proves: the gateway's word on a reference is about this very invoice. A gateway that refuses to
// tell leaves them open, and so does one that cannot tell now, which the error says.
func (w *Worker) askEach(ctx context.Context, t Transport, p *ledger.Package, a *account) (sick error) {
	rest := a.invoices[:0:0]
	for _, inv := range a.invoices {
		if inv.Reference == "" || !holds(p, inv) || sick != nil && endsRound(sick) {
			rest = append(rest, inv)
			continue
		}
		info, err := t.InvoiceStatus(ctx, inv.Reference)
		if err != nil {
			rest = append(rest, inv)
			if _, kind := kindOf(err); kind != ksef.KindRefused && kind != ksef.KindUnreadable {
				sick = cmp.Or(sick, err)
			}
			continue
		}
		a.pairs = append(a.pairs, pairing{inv, info})
		a.claimAnswer(info)
	}
	a.invoices = rest
	return sick
}

// endsRound reports that to ask for the next one now would be refused as well.
func endsRound(err error) bool {
	reason := retry.Judge(err).Reason
	return reason == retry.ReasonLimit || reason == retry.ReasonThrottled || reason == retry.ReasonOutage || reason == retry.ReasonStopping
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
