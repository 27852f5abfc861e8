package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
)

// move writes into the ledger what is durable in the archive. left is the first error of an invoice
// that could not be archived; nil when all were archived.
func (f *filing) move(ctx context.Context) (left, err error) {
	type end struct{ upo, reason string }
	receipted, ended, was := map[end][]string{}, map[string]bool{}, map[string]*ledger.Invoice{}
	var notes []*file // invoices that get a reason and keep their state
	var kept []ledger.Invoice
	overdue := 0
	for _, one := range f.files {
		switch {
		case one.err != nil:
			if left == nil {
				left = one.err
			}
			f.behind(one)
			if one.inv.Reason != one.was.Reason {
				notes = append(notes, one)
			}
			continue
		case one.inv.State == ledger.Receipted:
			k := end{one.inv.UPO, one.inv.Reason}
			receipted[k], was[one.inv.ID] = append(receipted[k], one.inv.ID), &one.was
		case one.inv.State == ledger.Accepted && one.inv.Reason != "":
			notes = append(notes, one)
			overdue++
		case one.inv.Reason != one.was.Reason:
			notes = append(notes, one)
		default:
			kept = append(kept, one.inv)
		}
		if one.damage != "" && one.inv.Reason != one.was.Reason {
			f.w.o.Log.Error().Str("id", one.inv.ID).
				Msg("the archive has a damaged object of an invoice; a good copy is beside it, and the invoice's reason says where")
		}
	}
	if err := f.note(ctx, notes); err != nil {
		return nil, err
	}
	for k, ids := range receipted {
		errs, err := f.w.Ledger.ReceiptWith(ctx, ids, k.upo, k.reason)
		if err != nil {
			return nil, err
		}
		f.w.reached(queue.KindReceipt, ledger.Receipted, moved(errs))
		for i, id := range ids {
			if errs[i] == nil {
				f.w.logIDs([]string{id}, ledger.Receipted, f.upos.pkg)
				f.w.traceReceipted(ctx, was[id], f.upos.pkg)
			}
			ended[id] = true
		}
	}
	if err := f.w.Ledger.ResultsKept(ctx, kept); err != nil {
		return nil, err
	}
	f.removeBodies(ctx, ended)
	if overdue > 0 {
		f.w.o.Log.Warn().Str("package", f.upos.pkg.ID).Int("invoices", overdue).
			Msg("invoices were accepted long ago, and their receipts are still not in the archive; the reason of each invoice says why")
	}
	return left, nil
}

// behind handles an invoice that could not be archived. An accepted invoice stays accepted, and its
// new reason says why it could not be archived. Nothing of the invoice is removed.
func (f *filing) behind(one *file) {
	one.inv.Reason = one.was.Reason
	if one.was.State != ledger.Accepted {
		return // its reason says why it was not accepted, and must stay
	}
	one.inv.State, one.inv.UPO = ledger.Accepted, one.was.UPO
	one.inv.Reason = fmt.Sprintf("accepted as %s, but it cannot be archived: %v; "+
		"the worker keeps trying, so look into this only if this reason stays",
		one.inv.KsefNumber, one.err)
	if one.inv.Reason != one.was.Reason {
		f.w.o.Log.Error().Str("id", one.inv.ID).Err(one.err).Msg("one invoice cannot be archived; the others of its package go on")
	}
}

// note writes the reasons of invoices into the ledger. When an invoice has moved meanwhile, its
// result in the archive is out of date, and note writes the result again.
func (f *filing) note(ctx context.Context, notes []*file) error {
	moves := make([]ledger.Move, len(notes))
	for i, one := range notes {
		moves[i] = ledger.Move{ID: one.inv.ID, Rev: one.was.Rev, From: []ledger.State{one.was.State},
			Edit: ledger.Edit{}.Reason(one.inv.Reason)}
	}
	errs, err := f.w.Ledger.Apply(ctx, moves)
	if err != nil {
		return err
	}
	var kept []ledger.Invoice
	for i, lost := range errs {
		if notes[i].err != nil {
			continue
		}
		inv := notes[i].inv
		inv.Rev = notes[i].was.Rev + 1
		if lost != nil {
			now, err := f.w.Ledger.Invoice(ctx, inv.ID)
			if err != nil {
				return err
			}
			one := &file{inv: now, was: now}
			if err = f.w.archiveOne(ctx, one, nil); err == nil {
				err = f.w.Store.Flush(ctx, one.names...)
			}
			if err != nil {
				return err
			}
			inv = now
		}
		kept = append(kept, inv)
	}
	return f.w.Ledger.ResultsKept(ctx, kept)
}

// removeBodies removes copies of receipted invoices. Large documents have such a copy in the
// archive under [archive.BodyName] while they wait for their receipt. The archived documents stay.
func (f *filing) removeBodies(ctx context.Context, ended map[string]bool) {
	var gone []string
	defer func() {
		// The sweep finds the documents that are not removed here, because their entries still say
		// that the archive has them.
		f.w.warn(ctx, "record that stored documents are removed", f.w.Ledger.BodiesGone(ctx, gone))
	}()
	for _, one := range f.files {
		if !one.inv.BodyArchived || !ended[one.inv.ID] {
			continue
		}
		if err := f.w.Store.Remove(ctx, archive.BodyName(one.inv.ID)); err != nil {
			f.w.o.Log.Warn().Str("id", one.inv.ID).Err(err).Msg("stored document not removed")
			if f.w.archiving.givesUp(ctx) {
				return
			}
			continue
		}
		gone = append(gone, one.inv.ID)
	}
}

// stillToArchive returns the error that brings back the task of a package that could not be
// archived whole. The task comes back soon at first, and less often while the failure lasts. An
// error that is not about the archive, or that says itself when to come back, is returned as it is.
func stillToArchive(why error, age time.Duration) error {
	var waits *retry.LaterError
	var call *archive.CallError
	if errors.As(why, &waits) || !errors.As(why, &call) && !damaged(why) {
		return why
	}
	return &retry.LaterError{Delay: retry.PollPause(age, archiveRefused, time.Hour), Reason: retry.ReasonArchive,
		What: "at least one invoice of the package cannot be archived", Err: why}
}
