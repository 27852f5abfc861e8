package tasks

import (
	"context"
	"errors"
	"time"

	"ksefworker/internal/ledger"
)

const (
	// sweepAtOnce bounds one round; what is left comes a minute later.
	sweepAtOnce = 2000
	// sweepLook is how many queued invoices one round looks at, those that lawfully wait for a package included: 70 ms of Redis, in pieces of 4 ms. A hundred thousand
	// that wait are looked through in five rounds.
	sweepLook   = 20_000
	looseAtOnce = 1000
)

// sweep finds what is not final and drives it on: a task that Redis or asynq lost, that a person deleted in the dashboard, that was orphaned by a killed worker. It
// decides nothing: it queues the task that the state asks for, and the task's handler looks.
func (w *Worker) sweep(ctx context.Context, _ string) error {
	before := w.o.Now().Add(-w.o.SweepAfter)
	busy, err := w.Queue.Busy()
	if err != nil {
		return err
	}
	return errors.Join(w.queueCuts(ctx, w.o.Now(), busy), w.sweepPackages(ctx, before, busy), w.sweepQueued(ctx, before, busy), w.sweepStray(ctx, before), w.prune(ctx))
}

var sweptPackages = []struct {
	state ledger.PackageState
	kind  Kind
}{
	{ledger.PackageSettled, KindReceipt},
	{ledger.PackageProcessing, KindConfirm},
	{ledger.PackageClosing, KindConfirm},
	{ledger.PackageUploaded, KindPackage},
	{ledger.PackageOpened, KindPackage},
	{ledger.PackageCut, KindPackage},
}

func (w *Worker) sweepPackages(ctx context.Context, before time.Time, busy map[string]bool) error {
	for _, s := range sweptPackages {
		ids, err := w.Ledger.PackagesInState(ctx, s.state, time.Time{}, before, sweepAtOnce)
		if err != nil {
			return err
		}
		for _, id := range ids {
			p, err := w.Ledger.Package(ctx, id)
			if err != nil {
				if errors.Is(err, ledger.ErrNotFound) {
					continue
				}
				return err
			}
			kind, when := s.kind, When{Busy: busy}
			if p.Lane == ledger.Express && p.State == ledger.PackageOpened {
				kind = KindConfirm
				alive, err := w.Ledger.Alive(ctx, p.Owner)
				if err != nil {
					return err
				}
				when.Run = !alive // its confirm may sleep; the session of a dead worker is closed at once
			}
			if err := w.Queue.Put(ctx, kind, id, 0, when); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweepQueued looks for invoices that neither wait for a package nor have a task. While the queue is long they may well be in it, and asking for each would cost more
// than it finds: then only those are looked at that stood still for long.
func (w *Worker) sweepQueued(ctx context.Context, before time.Time, busy map[string]bool) error {
	for _, kind := range []Kind{KindSubmit, KindSend} {
		depth, err := w.Queue.Depth(kind)
		if err != nil {
			return err
		}
		if depth > sweepAtOnce {
			before = before.Add(-10 * time.Minute)
		}
	}
	var ids []string
	for pass, looked := false, 0; !pass && looked < sweepLook && len(ids) < sweepAtOnce; looked += looseAtOnce {
		more, done, err := w.Ledger.Loose(ctx, before, looseAtOnce)
		if err != nil {
			return err
		}
		ids, pass = append(ids, more...), done
	}
	invs, err := w.Ledger.Invoices(ctx, ids)
	if err != nil {
		return err
	}
	for i := range invs {
		if invs[i].Group != "" || invs[i].State != ledger.Queued {
			continue // it moved meanwhile
		}
		kind := KindSubmit
		if singly(&invs[i]) {
			kind = KindSend
		}
		if err := w.Queue.Put(ctx, kind, invs[i].ID, invs[i].Rev, When{Crowd: invs[i].Crowd, Busy: busy}); err != nil {
			return err
		}
	}
	return nil
}

// sweepStray looks for invoices on their way whose package is over or gone: no rule of the ledger leads there, so it is reported, and only what has proof moves.
func (w *Worker) sweepStray(ctx context.Context, before time.Time) error {
	for _, s := range []ledger.State{ledger.Packed, ledger.Sending, ledger.Unknown, ledger.Sent} {
		ids, err := w.Ledger.InState(ctx, s, time.Time{}, before, 100)
		if err != nil {
			return err
		}
		invs, err := w.Ledger.Invoices(ctx, ids)
		if err != nil {
			return err
		}
		for i := range invs {
			p, err := w.Ledger.Package(ctx, invs[i].Package)
			if err != nil && !errors.Is(err, ledger.ErrNotFound) {
				return err
			}
			if err == nil && p.State.Live() {
				continue
			}
			// It may have been decided since it was read, and its package ended because of that.
			if inv, err := w.Ledger.Invoice(ctx, invs[i].ID); err != nil || inv.Rev != invs[i].Rev {
				continue
			}
			w.o.Log.Error().Str("id", invs[i].ID).Str("state", string(s)).Str("package", invs[i].Package).Msg("invoice is on its way in a package that is over")
			if err := w.parkStray(ctx, &invs[i], "its package is over and left it behind: look in KSeF whether it is there before retrying"); err != nil {
				return err
			}
		}
	}
	return nil
}

// prune lets go of what was ended longer ago than the ledger is to remember: the archive has it.
func (w *Worker) prune(ctx context.Context) error {
	if w.o.Retention <= 0 {
		return nil
	}
	n, err := w.Ledger.Prune(ctx, w.o.Now().Add(-w.o.Retention), sweepAtOnce)
	if n > 0 {
		w.o.Log.Info().Int("entries", n).Msg("ended entries pruned")
	}
	return err
}
