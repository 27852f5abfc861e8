package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
)

// leaveAfter is how long a live worker tries to close a session of its own before it leaves the
// close to other workers. It is much longer than a restart of Redis. During a restart the other
// workers could not close the session either.
const leaveAfter = 3 * time.Minute

// shouldLeave reports whether another worker should close a session that cannot be closed here. It
// returns true at once when the cause is a fault of this process alone, otherwise after leaveAfter.
// The parameter since is when the closes began to fail.
func shouldLeave(err error, since, now time.Time) bool {
	return retry.Judge(err).Reason == retry.ReasonLocal || now.Sub(since) >= leaveAfter
}

// closeOwn closes one of this worker's sessions after its last send. While this worker lives, no
// other worker closes the session. So when a worker cannot close the session, it writes to the
// ledger that it is no longer the owner. Otherwise an invoice whose answer was lost in this session
// would stay unknown, and without a receipt, until the worker ends.
func (x *onlineSessions) closeOwn(ctx context.Context, s *onlineSession) error {
	err := guard(func() error { return x.closeOne(ctx, s) })
	if closed(err) || ctx.Err() != nil {
		return err
	}
	now := x.o.Now()
	if s.failing.IsZero() {
		s.failing = now
	}
	if api, _ := kindOf(err); api != nil {
		x.express.rest(s, now) // if the ledger knows the session, its confirm task asks as well
	}
	if !shouldLeave(err, s.failing, now) {
		return err
	}
	p, readErr := x.Ledger.Package(ctx, s.pkg.ID)
	if readErr != nil {
		return err // only this process knows the session, or its entry cannot be read
	}
	return x.leaveToOthers(ctx, &p, err)
}

// closed reports whether a close is over for the session's owner. It is over when the close
// succeeded, or when another worker moved the package.
func closed(err error) bool {
	var conflict *ledger.ConflictError
	return err == nil || errors.As(err, &conflict)
}

// leaveToOthers leaves a session to the worker that checks it next. why is the error with which its
// close failed. The caller knows that no send runs in the session. No new send begins, because the
// ledger lets only the owner begin one.
//
// leaveToOthers returns nil when the session is no longer this worker's. When the write to the
// ledger fails, it returns why, with the text of the write's error. It does not wrap the write's
// error, because the caller would take the session for closed if that error were a conflict. The
// next try reads the entry again.
func (x *onlineSessions) leaveToOthers(ctx context.Context, p *ledger.Package, why error) error {
	if p.State != ledger.PackageOpened || p.Owner != x.o.Worker {
		return nil // an earlier call did it, and its answer was lost
	}
	if err := x.movePackage(ctx, p, ledger.PackageMove{Edit: ledger.PackageEdit{}.Owner("")}); err != nil {
		return fmt.Errorf("%w; and it cannot be left to other workers: %v", why, err)
	}
	x.o.Log.Warn().Str("package", p.ID).Str("session", p.Session).Str("tenant", p.Tenant).Err(why).
		Msg("an online session cannot be closed here: it is left to other workers")
	// The confirm task may be waiting for its time, so it is queued to run now. If that fails, the
	// sweep finds the package.
	x.warn(ctx, "queue the confirm of a session that was left", x.Queue.Put(ctx, queue.KindConfirm, p.ID, 0, queue.When{Run: true}))
	return nil
}
