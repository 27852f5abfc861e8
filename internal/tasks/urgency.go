package tasks

import (
	"context"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
)

// Urgency: what answers a person, or what a deadline stands behind, never waits for what fills packages.
//
// Whatever is not urgent leaves one place of each window free. That is enough for strict priority and costs hardly anything of the allowance: an urgent request takes the
// place at once; while more urgent ones come, every place that falls free is theirs, because for the others the window stays full; and the two stand in lines of their own.

// ordinary marks requests that leave a place to urgent ones.
func ordinary(ctx context.Context) context.Context {
	return ratelimit.With(ctx, ratelimit.Reserve(1))
}

// urgent reports a deadline that is near, or a midnight in Warsaw that is: what bears today's P_1 has to be on its way before.
func (w *Worker) urgent(deadline ledger.Millis) bool {
	now := w.o.Now()
	d := deadline.Time()
	return (!d.IsZero() && d.Sub(now) < w.o.DeadlineNear) || untilMidnight(now) < midnightGuard
}

// urgency marks a single send. One that was asked for as express is urgent, as is one whose deadline is near; those that the worker chose to send singly leave ExpressShare of each window free.
func (w *Worker) urgency(ctx context.Context, inv *ledger.Invoice) context.Context {
	ctx = ratelimit.With(ctx, ratelimit.Due(inv.Deadline.Time()))
	asked := inv.Lane == ledger.Express && !inv.Chosen && inv.Resends+inv.FailedSessions == 0
	if asked || w.urgent(inv.Deadline) {
		return ctx
	}
	return ratelimit.With(ordinary(ctx), ratelimit.Share(w.o.ExpressShare))
}

// rank marks the requests about a package: urgent by its deadline, ordinary otherwise. An express session answers a person.
func (w *Worker) rank(ctx context.Context, p *ledger.Package) context.Context {
	if w.urgent(p.Deadline) || (p.Lane == ledger.Express && w.o.Now().Sub(p.ClosingAt.Time()) < time.Minute) {
		return ctx
	}
	return ratelimit.With(ordinary(ctx), ratelimit.Share(packageShare))
}

// packageShare is the part of a window that ordinary requests about packages leave free on top of the one place: of the 1,200 looks an hour, twelve.
const packageShare = 0.01
