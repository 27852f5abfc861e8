package tasks

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
)

const (
	// sweepAtOnce bounds how many entries one round handles in most parts of the sweep. The rest
	// comes in the next round, even when the entries of this round stay where they are.
	sweepAtOnce = 2000
	// maxSweepChecks is how many queued invoices one round checks, including those that rightly
	// wait for a package. The checks of one round take 70 ms of Redis, in pieces of 4 ms. A hundred
	// thousand waiting invoices are checked in five rounds.
	maxSweepChecks = 20_000
	// withoutTaskAtOnce is how many queued invoices one piece of that check has.
	withoutTaskAtOnce = 1000
	// leftBehindAtOnce is how many invoices one round checks in each state between queued and
	// decided.
	leftBehindAtOnce = 100
	// refusalsAtOnce is how many open refusals of each tenant one round compares with the invoices
	// in the ledger.
	refusalsAtOnce = 200
)

// sweeper finds what is unfinished and has no task. It also finds what nothing needs any more.
type sweeper struct {
	*core
	writer    *writer
	archiving *archiveUse
	archivist *archivist
	lanes     *laneChooser
	online    *onlineSessions
	// removeFrom is when the next removal of a document from the archive may be tried, in
	// milliseconds since 1970. It is set when the archive refuses removals; 0 means at once.
	removeFrom atomic.Int64
	// pendingResultsFrom is how far the sweep has come through the pending results.
	pendingResultsFrom atomic.Int64
	format             formatNews
}

// sweep finds what is not final, and makes sure that it goes on. The task of an unfinished invoice
// or package may have been lost by Redis or asynq, deleted by a person in the dashboard, or
// orphaned by a killed worker. The sweep queues the task that the state asks for, and the handler
// of the task decides. The sweep itself changes only the states of invoices that their package left
// behind, or that another document superseded.
//
// The parts of the sweep are independent of each other, and so are the entries in each part. An
// entry that cannot be read or queued is reported and passed over.
func (sw *sweeper) sweep(ctx context.Context, _ string) error {
	now, err := sw.Ledger.Clock(ctx)
	if err != nil {
		return err
	}
	before := now.Add(-sw.o.SweepAfter)
	// On an error, busy is nil. In that case this round finds no orphans, but it finds everything
	// else.
	busy, err := sw.Queue.Busy()
	errs := []error{err}
	for _, part := range []struct {
		what string
		do   func() error
	}{
		{"shared keys", func() error { return sw.noteSickKeys(ctx) }},
		{"outcomes that were not kept", func() error { return noteNotKept(ctx, sw.core) }},
		{"cuts", func() error { _, err := sw.lanes.queueCuts(ctx, sw.o.Now(), busy); return err }},
		{"packages", func() error { return sw.sweepPackages(ctx, before, busy) }},
		{"queued invoices", func() error { return sw.sweepQueued(ctx, before, busy) }},
		{"invoices on their way", func() error { return sw.sweepLeftBehind(ctx, before) }},
		{"superseded invoices", func() error { return sw.sweepSuperseded(ctx, before) }},
		{"old documents", func() error { return sw.removeDocuments(ctx) }},
		{"the ledger's format", func() error { return sw.advanceFormat(ctx) }},
		{"receipted entries", func() error { return sw.compact(ctx) }},
		{"old entries", func() error { return sw.prune(ctx) }},
		{"texts under an old key", func() error { return sw.reseal(ctx) }},
		{"refusals of documents that were taken", func() error { return endRefusals(ctx, sw.Ledger, sw.o.Log) }},
		{"old refusals", func() error { return sw.pruneRefusals(ctx) }},
		{"pending results", func() error { return sw.sweepResults(ctx, before) }},
		{"finished entries", func() error { return sw.sweepFinished(ctx) }},
		{"unreadable entries", func() error { return sw.recheckUnreadable(ctx) }},
	} {
		if err := guard(part.do); err != nil {
			errs = append(errs, fmt.Errorf("sweep %s: %w", part.what, err))
		}
	}
	return errors.Join(errs...)
}

// sweptState is a state of packages that are not over, and the kind of their task.
type sweptState struct {
	state ledger.PackageState
	kind  queue.Kind
}

var sweptPackages = []sweptState{
	{ledger.PackageSettled, queue.KindReceipt},
	{ledger.PackageProcessing, queue.KindConfirm},
	{ledger.PackageClosing, queue.KindConfirm},
	{ledger.PackageUploaded, queue.KindPackage},
	{ledger.PackageOpened, queue.KindPackage},
	{ledger.PackageCut, queue.KindPackage},
}

func (sw *sweeper) sweepPackages(ctx context.Context, before time.Time, busy map[string]bool) error {
	var f faults
	for _, s := range sweptPackages {
		ids, err := sw.Ledger.NextPackages(ctx, s.state, before, sweepAtOnce)
		if err != nil {
			f.add(err)
			continue
		}
		pkgs, err := sw.packages(ctx, ids)
		f.add(err)
		for i := range pkgs {
			if pkgs[i].State != s.state {
				continue // it moved meanwhile
			}
			if f.add(sw.sweepPackage(ctx, &pkgs[i], s.kind, busy)) {
				return f.err()
			}
		}
	}
	return f.err()
}

func (sw *sweeper) sweepPackage(ctx context.Context, p *ledger.Package, kind queue.Kind, busy map[string]bool) error {
	when := queue.When{Busy: busy}
	if p.Lane == ledger.Express && p.State == ledger.PackageOpened {
		kind = queue.KindConfirm
		alive, err := sw.Ledger.Alive(ctx, p.Owner)
		if err != nil {
			return err
		}
		when.Run = !alive // the confirm task may wait for its time; the session of a dead worker is closed at once
	}
	return sw.Queue.Put(ctx, kind, p.ID, 0, when)
}

// sweepLeftBehind finds invoices on their way to KSeF whose package is over or gone. If the package
// was given up before close was tried, the invoices that are still packed in it wait again. By the
// rules of the ledger no other invoice can be left behind. If one is all the same, it is reported
// and parked, because sending it again needs proof.
func (sw *sweeper) sweepLeftBehind(ctx context.Context, before time.Time) error {
	var f faults
	for _, s := range []ledger.State{ledger.Packed, ledger.Sending, ledger.Unknown, ledger.Sent} {
		ids, err := sw.Ledger.NextInvoices(ctx, s, before, leftBehindAtOnce)
		if err != nil {
			f.add(err)
			continue
		}
		invs, err := sw.invoices(ctx, ids)
		f.add(err)
		for i := range invs {
			if invs[i].State != s {
				continue // it moved meanwhile
			}
			if f.add(sw.parkIfLeftBehind(ctx, &invs[i])) {
				return f.err()
			}
		}
	}
	return f.err()
}

func (sw *sweeper) parkIfLeftBehind(ctx context.Context, inv *ledger.Invoice) error {
	p, err := sw.Ledger.Package(ctx, inv.Package)
	if unread, other := ledger.Skip(err); unread != nil {
		return nil // the package may be alive
	} else if other != nil && !errors.Is(other, ledger.ErrNotFound) {
		return other
	}
	if err == nil && inv.State == ledger.Packed && neverClosed(&p) {
		sw.o.Log.Info().Str("package", p.ID).Msg("invoices of a package that was given up were left in it: they wait again")
		return sw.moveRest(ctx, &p, waitingAgain(&p))
	}
	if err == nil && p.State.Live() {
		return nil
	}
	// The invoice may have been decided since it was read, and its package may have ended because
	// of that.
	if now, err := sw.Ledger.Invoice(ctx, inv.ID); err != nil || now.Rev != inv.Rev {
		return nil
	}
	sw.o.Log.Error().Str("id", inv.ID).Str("state", string(inv.State)).Str("package", inv.Package).
		Msg("invoice is on its way in a package that is over")
	return sw.parkOutsidePackage(ctx, inv, "its package ended without it: check whether KSeF has the invoice before you retry")
}

// endRefusals ends open refusals of documents that were taken in later. Intake ends them in the
// same call that takes the document in, unless a list was sick or the process died.
func endRefusals(ctx context.Context, l *ledger.Ledger, log zerolog.Logger) error {
	n, err := l.EndTaken(ctx, refusalsAtOnce)
	if n > 0 {
		log.Info().Int("refusals", n).Msg("refusals have ended, because their documents were taken in later")
	}
	return err
}

// pruneRefusals removes refusals that have been on record for long enough. If a refused document is
// handed in again and still cannot be taken, the new refusal goes on record.
func (sw *sweeper) pruneRefusals(ctx context.Context) error {
	if sw.ClockOff() {
		return nil
	}
	_, err := sw.Ledger.PruneRefusals(ctx, sw.o.RefusalsKept, sweepAtOnce)
	_, err = ledger.Skip(err) // the part "shared keys" reports the key
	return err
}

// reseal seals texts again with the first of the configured storage keys, so that the other keys
// can be taken out of the configuration.
func (sw *sweeper) reseal(ctx context.Context) error {
	n, err := sw.Ledger.Reseal(ctx, sweepAtOnce)
	if n > 0 {
		sw.o.Log.Info().Int("texts", n).Msg("reasons and file names are sealed with the new storage key")
	}
	return err
}

// compact packs the entries of receipted invoices into buckets of the ledger, if that was not done
// when they were receipted. This has nothing to do with the state packed.
func (sw *sweeper) compact(ctx context.Context) error {
	n, err := sw.Ledger.Compact(ctx, sweepAtOnce)
	if n > 0 {
		sw.o.Log.Info().Int("entries", n).Msg("entries of receipted invoices are packed into buckets of the ledger")
	}
	return err
}

// prune removes entries that ended longer ago than Options.Retention says. The archive still has
// what became of them. Redis's clock decides which entries are old enough. While this machine's
// clock is far from Redis's, one of the two is wrong. In that case nothing is pruned, because a
// removed entry does not come back.
func (sw *sweeper) prune(ctx context.Context) error {
	if sw.o.Retention <= 0 || sw.ClockOff() {
		return nil
	}
	n, err := sw.Ledger.Prune(ctx, sw.o.Retention, sweepAtOnce)
	if n > 0 {
		sw.o.Log.Info().Int("entries", n).Msg("ended entries pruned")
	}
	return err
}
