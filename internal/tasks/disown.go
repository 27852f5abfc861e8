package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// disownAfter is how long a worker that lives tries to close a session of its own before it leaves
// that to others. Much longer than a Redis that restarts takes: then nobody else can close it either.
const disownAfter = 3 * time.Minute

// disownable reports whether somebody else should close a session that cannot be closed here: at once
// when a fault of this process alone is the cause, else when it has lasted. since is when the closes
// began to fail.
func disownable(err error, since, now time.Time) bool {
	return retry.Judge(err).Reason == retry.ReasonLocal || now.Sub(since) >= disownAfter
}

// closeOwn closes one of this worker's sessions, which nobody sends into any more. While this worker
// lives, nobody else would: one that cannot close it says in the ledger that it is no longer the
// owner. Otherwise a lost answer in it stays unknown, and its receipt away, until the worker ends.
func (w *Worker) closeOwn(ctx context.Context, s *onlineSession) error {
	err := guard(func() error { return w.closeOne(ctx, s) })
	if closed(err) || ctx.Err() != nil {
		return err
	}
	now := w.o.Now()
	if s.failing.IsZero() {
		s.failing = now
	}
	if api, _ := kindOf(err); api != nil {
		w.express.rest(s, now) // of one that the ledger knows, its confirm asks
	}
	if !disownable(err, s.failing, now) {
		return err
	}
	p, readErr := w.Ledger.Package(ctx, s.pkg.ID)
	if readErr != nil {
		return err // only this memory knows the session, or nobody can read its entry
	}
	return w.disown(ctx, &p, err)
}

// closed reports that a close is over for its owner: done, or made by somebody else.
func closed(err error) bool {
	var conflict *ledger.ConflictError
	return err == nil || errors.As(err, &conflict)
}

// disown leaves a session that could not be closed, because of why, to whichever worker looks at it
// next. The caller knows that no send is under way in it, and none begins: the ledger lets only the
// owner begin one. It returns nil when the session is this worker's no more, else why, with what kept
// it from being written. That is no conflict to the caller: whatever moved the entry, the next try
// reads it anew.
func (w *Worker) disown(ctx context.Context, p *ledger.Package, why error) error {
	if p.State != ledger.PackageOpened || p.Owner != w.o.Worker {
		return nil // it was, by a call whose answer was lost
	}
	if err := w.Ledger.MovePackage(ctx, p, ledger.PackageMove{Set: []ledger.Set{{Field: "owner", Value: ""}}}); err != nil {
		return fmt.Errorf("%w; and it cannot be left to other workers: %v", why, err)
	}
	w.o.Log.Warn().Str("package", p.ID).Str("session", p.Session).Str("tenant", p.Tenant).Err(why).
		Msg("cannot close an online session: it is left to other workers")
	// Its confirm may sleep. Should this not be queued, the sweep finds it.
	w.warn(ctx, "queue the confirm of a session that was left", w.Queue.Put(ctx, KindConfirm, p.ID, 0, When{Run: true}))
	return nil
}
