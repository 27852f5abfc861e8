package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ksefworker/internal/ledger"
)

const (
	// sweepAtOnce bounds one round; what is left comes a minute later, also when what was looked at
	// stays.
	sweepAtOnce = 2000
	// sweepLook is how many queued invoices one round looks at, those that lawfully wait for a package included: 70 ms of Redis, in pieces of 4 ms. A hundred thousand
	// that wait are looked through in five rounds.
	sweepLook   = 20_000
	looseAtOnce = 1000
	// strayAtOnce is how many invoices of each state on the way one round looks at.
	strayAtOnce = 100
)

// sweep finds what is not final and drives it on: a task that Redis or asynq lost, that a person deleted in the dashboard, that was orphaned by a killed worker. It
// decides nothing: it queues the task that the state asks for, and the task's handler looks.
//
// Its parts do not depend on each other, nor do the entries in each: what cannot be read, or cannot
// be queued, is told and passed over.
func (w *Worker) sweep(ctx context.Context, _ string) error {
	now, err := w.Ledger.Clock(ctx)
	if err != nil {
		return err
	}
	before := now.Add(-w.o.SweepAfter)
	busy, err := w.Queue.Busy() // nil, when nobody tells: then no orphan is found in this round, and everything else is
	errs := []error{err}
	for _, part := range []struct {
		what string
		do   func() error
	}{
		{"cuts", func() error { return w.queueCuts(ctx, w.o.Now(), busy) }},
		{"packages", func() error { return w.sweepPackages(ctx, before, busy) }},
		{"queued invoices", func() error { return w.sweepQueued(ctx, before, busy) }},
		{"invoices on their way", func() error { return w.sweepStray(ctx, before) }},
		{"superseded invoices", func() error { return w.sweepSuperseded(ctx, before) }},
		{"old documents", func() error { return w.shed(ctx) }},
		{"old entries", func() error { return w.prune(ctx) }},
		{"texts under an old key", func() error { return w.reseal(ctx) }},
		{"old refusals", func() error { return w.pruneRefusals(ctx) }},
		{"results that are owed", func() error { return w.sweepResults(ctx, before) }},
		{"unreadable entries", func() error { return w.lookAgain(ctx) }},
	} {
		if err := guard(part.do); err != nil {
			errs = append(errs, fmt.Errorf("sweep %s: %w", part.what, err))
		}
	}
	return errors.Join(errs...)
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
	var f faults
	for _, s := range sweptPackages {
		ids, err := w.Ledger.NextPackages(ctx, s.state, before, sweepAtOnce)
		if err != nil {
			f.add(err)
			continue
		}
		pkgs, err := w.packages(ctx, ids)
		f.add(err)
		for i := range pkgs {
			if pkgs[i].State != s.state {
				continue // it moved meanwhile
			}
			if f.add(w.sweepPackage(ctx, &pkgs[i], s.kind, busy)) {
				return f.err()
			}
		}
	}
	return f.err()
}

func (w *Worker) sweepPackage(ctx context.Context, p *ledger.Package, kind Kind, busy map[string]bool) error {
	when := When{Busy: busy}
	if p.Lane == ledger.Express && p.State == ledger.PackageOpened {
		kind = KindConfirm
		alive, err := w.Ledger.Alive(ctx, p.Owner)
		if err != nil {
			return err
		}
		when.Run = !alive // its confirm may sleep; the session of a dead worker is closed at once
	}
	return w.Queue.Put(ctx, kind, p.ID, 0, when)
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
		more, done, err := w.Ledger.WithoutTask(ctx, before, looseAtOnce)
		if err != nil {
			return err
		}
		ids, pass = append(ids, more...), done
	}
	invs, err := w.invoices(ctx, ids)
	if err != nil {
		return err
	}
	var f faults
	for i := range invs {
		if f.add(w.sweepInvoice(ctx, &invs[i], busy)) {
			break
		}
	}
	return f.err()
}

func (w *Worker) sweepInvoice(ctx context.Context, inv *ledger.Invoice, busy map[string]bool) error {
	kind := KindSubmit
	switch {
	case inv.State != ledger.Queued:
		return nil // it moved meanwhile
	case inv.Group != "":
		// It says that it waits, and was in no waiting set: it could not be read when a package was
		// cut. If it is there by now, this changes nothing.
		err := w.Ledger.Wait(ctx, inv)
		var conflict *ledger.ConflictError
		if errors.As(err, &conflict) {
			return nil
		}
		return err
	case singly(inv):
		kind = KindSend
	}
	return w.Queue.Put(ctx, kind, inv.ID, inv.Rev, When{Overflow: inv.Overflow, Busy: busy})
}

// sweepStray looks for invoices on their way whose package is over or gone: no rule of the ledger leads there, so it is reported, and only what has proof moves.
func (w *Worker) sweepStray(ctx context.Context, before time.Time) error {
	var f faults
	for _, s := range []ledger.State{ledger.Packed, ledger.Sending, ledger.Unknown, ledger.Sent} {
		ids, err := w.Ledger.NextInvoices(ctx, s, before, strayAtOnce)
		if err != nil {
			f.add(err)
			continue
		}
		invs, err := w.invoices(ctx, ids)
		f.add(err)
		for i := range invs {
			if invs[i].State != s {
				continue // it moved meanwhile
			}
			if f.add(w.stray(ctx, &invs[i])) {
				return f.err()
			}
		}
	}
	return f.err()
}

func (w *Worker) stray(ctx context.Context, inv *ledger.Invoice) error {
	p, err := w.Ledger.Package(ctx, inv.Package)
	if unread, other := ledger.Skip(err); unread != nil {
		return nil // the package may be alive
	} else if other != nil && !errors.Is(other, ledger.ErrNotFound) {
		return other
	}
	if err == nil && p.State.Live() {
		return nil
	}
	// It may have been decided since it was read, and its package ended because of that.
	if now, err := w.Ledger.Invoice(ctx, inv.ID); err != nil || now.Rev != inv.Rev {
		return nil
	}
	w.o.Log.Error().Str("id", inv.ID).Str("state", string(inv.State)).Str("package", inv.Package).Msg("invoice is on its way in a package that is over")
	return w.parkStray(ctx, inv, "its package is over and left it behind: look in KSeF whether it is there before retrying")
}

// pruneRefusals lets go of refusals that are on record for long enough. Nobody acted on them: what
// is handed in again is refused, and on record, again.
func (w *Worker) pruneRefusals(ctx context.Context) error {
	if w.ClockOff() {
		return nil
	}
	_, err := w.Ledger.PruneRefusals(ctx, w.o.RefusalsKept, sweepAtOnce)
	return err
}

// reseal seals texts again with the first storage key, so that the old one can be dropped.
func (w *Worker) reseal(ctx context.Context) error {
	n, err := w.Ledger.Reseal(ctx, sweepAtOnce)
	if n > 0 {
		w.o.Log.Info().Int("texts", n).Msg("reasons and file names are sealed with the new storage key")
	}
	return err
}

// prune lets go of what was ended longer ago than the ledger is to remember: the archive has it.
// What is longest ago is Redis's word. While this machine's clock says another, one of the two is
// wrong, and what is forgotten does not come back.
func (w *Worker) prune(ctx context.Context) error {
	if w.o.Retention <= 0 || w.ClockOff() {
		return nil
	}
	n, err := w.Ledger.Prune(ctx, w.o.Retention, sweepAtOnce)
	if n > 0 {
		w.o.Log.Info().Int("entries", n).Msg("ended entries pruned")
	}
	return err
}
