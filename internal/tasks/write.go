package tasks

import (
	"context"
	"fmt"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/settlement"
)

// ledgerMove returns the change of the ledger that carries out a move. The package pkg must hold
// the invoice; "" means any package. An invoice is sent again only with a proof that KSeF does not
// have it.
func ledgerMove(m settlement.Move, pkg string) (ledger.Move, error) {
	inv := m.Invoice
	move := ledger.Move{ID: inv.ID, Rev: inv.Rev, In: pkg, Edit: ledger.Because(m.Code, m.Reason)}
	switch m.Fate {
	case settlement.Accept:
		move.To, move.Edit = ledger.Accepted, accepted(m.Accepted)
	case settlement.Reject:
		move.To = ledger.Rejected
	case settlement.Park:
		move.To = ledger.Parked
	case settlement.Keep:
		move.From = []ledger.State{inv.State}
	case settlement.LookUp:
		move.From = []ledger.State{inv.State}
		move.Edit = original(m)
	case settlement.SendAgain:
		if m.Again.Proof == 0 {
			return move, fmt.Errorf("send %s again: nothing proves that KSeF does not have it", inv.ID)
		}
		move.To = ledger.Queued
		move.Edit = counted(move.Edit, m.Again).InLane(m.Again.Lane).OutOfPackage().Reference("")
	default:
		return move, fmt.Errorf("move %s: no fate was decided", inv.ID)
	}
	return move, nil
}

// accepted returns the fields that are written for an invoice that KSeF has.
func accepted(a settlement.Acceptance) ledger.Edit {
	edit := ledger.Because(ksef.InvoiceAccepted, "").Number(settlement.TidyNumber(a.Number))
	if a.Recovered {
		edit = edit.Recovered(a.UPO)
	} else {
		edit = edit.Mode(a.Mode)
	}
	if a.Hash != "" {
		edit = edit.HashInKSeF(a.Hash)
	}
	if !a.At.IsZero() {
		edit = edit.AcceptedAt(ledger.At(a.At))
	}
	return edit
}

// counted adds to edit the count that bounds how often the invoice is sent.
func counted(edit ledger.Edit, a settlement.Again) ledger.Edit {
	switch a.Count {
	case settlement.Resends:
		return edit.Resends(int(a.Value))
	case settlement.FailedSessions:
		return edit.FailedSessions(int(a.Value))
	case settlement.Denied:
		return edit.Denied(ledger.Millis(a.Value))
	}
	return edit
}

// original returns the fields that say how the original of a duplicate is known, with the code and
// reason of the move. A move without code and reason only marks the invoice for a search of the
// register. It leaves the earlier code and reason.
func original(m settlement.Move) ledger.Edit {
	var edit ledger.Edit
	if m.Code != 0 || m.Reason != "" {
		edit = ledger.Because(m.Code, m.Reason)
	}
	o := m.Original
	edit = edit.OriginalBy(o.By)
	if o.By != settlement.BySearch {
		edit = edit.OriginalNumber(o.Number)
	}
	if o.By == settlement.ByAnswer || o.Session != "" {
		edit = edit.OriginalSession(o.Session)
	}
	if o.By == settlement.ByRegister {
		edit = edit.AcceptedAt(ledger.At(o.At))
	}
	return edit
}

// writer writes what was decided into the ledger and queues the tasks that follow from it.
type writer struct{ *core }

// write makes the moves of invoices of a package, and queues what is sent again. With letIn, it
// notes that KSeF lets the tenant in. moved counts the invoices that somebody else moved in
// between. write leaves those as they are.
func (w *writer) write(ctx context.Context, p *ledger.Package, moves []settlement.Move, letIn bool) (moved int, err error) {
	edits := make([]ledger.Move, len(moves))
	for i, m := range moves {
		if edits[i], err = ledgerMove(m, p.ID); err != nil {
			return 0, err
		}
	}
	each, err := w.Ledger.ApplyEach(ctx, edits)
	if err != nil {
		return 0, err
	}
	if letIn {
		if err := w.Ledger.NoteAccepted(ctx, p.Tenant, w.o.Now()); err != nil {
			return 0, err
		}
	}
	count := map[ledger.State]int{}
	for i, m := range moves {
		m.Wrote(each[i])
		if each[i].Conflict != nil {
			moved++
		} else if edits[i].To != "" {
			count[edits[i].To]++
			w.ended(m)
			w.logInvoice(m.Invoice, edits[i].To, p.ID, p.Session)
			w.logSuperseded(ctx, p.Tenant, each[i].Superseded)
			w.traceDecided(ctx, m, edits[i].To, p)
		}
	}
	w.logEnded(moves, each)
	w.tellDecided(ctx, moves, each)
	for s, n := range count {
		w.reached(queue.KindConfirm, s, n)
	}
	for i, m := range moves {
		if m.Fate != settlement.SendAgain {
			continue
		}
		if err := w.Queue.Put(ctx, queue.KindSubmit, m.Invoice.ID, edits[i].Rev+1, queue.When{Overflow: m.Invoice.Overflow}); err != nil {
			return moved, err // the sweep finds the invoice
		}
	}
	return moved, nil
}

// note writes fields of invoices, whatever their revision, and keeps their state. It leaves out an
// invoice that somebody has moved on meanwhile.
func (w *writer) note(ctx context.Context, p *ledger.Package, notes []settlement.Move) error {
	edits := make([]ledger.Move, len(notes))
	for i, m := range notes {
		var err error
		if edits[i], err = ledgerMove(m, p.ID); err != nil {
			return err
		}
		edits[i].Rev = 0
	}
	each, err := w.Ledger.ApplyEach(ctx, edits)
	if err != nil {
		return err
	}
	for i, m := range notes {
		m.Wrote(each[i])
	}
	return nil
}

// move makes one move of an invoice. The package pkg must hold the invoice; "" means any package.
// It returns a [*ledger.ConflictError] when somebody else was faster.
func (w *writer) move(ctx context.Context, m settlement.Move, pkg string) ([]ledger.Moved, error) {
	edit, err := ledgerMove(m, pkg)
	if err != nil {
		return nil, err
	}
	each, err := w.Ledger.ApplyEach(ctx, []ledger.Move{edit})
	if err != nil {
		return nil, err
	}
	m.Wrote(each[0])
	if c := each[0].Conflict; c != nil {
		return nil, c
	}
	return each, nil
}

// writeOne makes one move at once. A finding about an original costs one of the few requests that
// KSeF allows for that purpose, so a crash must not lose it. writeOne returns the same errors as
// move.
func (w *writer) writeOne(ctx context.Context, p *ledger.Package, m settlement.Move) error {
	if m.Fate == settlement.Park {
		return w.park(ctx, m)
	}
	each, err := w.move(ctx, m, p.ID)
	if err != nil {
		return err
	}
	if m.Fate == settlement.Accept {
		w.reached(queue.KindConfirm, ledger.Accepted, 1)
		w.ended(m)
		w.logInvoice(m.Invoice, ledger.Accepted, p.ID, p.Session)
		w.logSuperseded(ctx, p.Tenant, each[0].Superseded)
		w.traceDecided(ctx, m, ledger.Accepted, p)
		w.tellDecided(ctx, []settlement.Move{m}, each)
		w.o.Log.Info().Str("id", m.Invoice.ID).Str("ksef_number", m.Accepted.Number).Msg("accepted earlier, recovered")
	}
	return nil
}
