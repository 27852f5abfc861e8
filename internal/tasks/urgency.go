package tasks

import (
	"context"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
)

// Urgency: a request that answers a person, or that has to meet a deadline, never waits for
// requests that fill packages.
//
// Every request that is not urgent leaves one place free in each window of KSeF's limits. One free
// place is enough for strict priority and costs hardly anything of the allowance. An urgent request
// takes the free place at once. While more urgent requests come, they get every place that becomes
// free, because for the other requests the window stays full. Urgent requests and others have
// separate waitlists.

// ordinary marks requests that leave a place free for urgent ones.
func ordinary(ctx context.Context) context.Context {
	return ratelimit.With(ctx, ratelimit.Reserve(1))
}

// urgent reports whether the deadline or midnight in Warsaw is near. An invoice that has today's
// P_1 has to be sent before midnight.
func (c *core) urgent(deadline ledger.Millis) bool {
	now := c.o.Now()
	d := deadline.Time()
	return (!d.IsZero() && d.Sub(now) < c.o.DeadlineNear) || untilMidnight(now) < midnightGuard
}

// urgency marks a single send. The send is urgent when a person asked for the express lane, KSeF
// has not asked for the invoice again, and no session with it has failed. It is also urgent when
// its deadline or midnight is near. All other single sends leave ExpressShare of each window free,
// and one more place.
func (c *core) urgency(ctx context.Context, inv *ledger.Invoice) context.Context {
	ctx = ratelimit.With(ctx, ratelimit.Due(inv.Deadline.Time()))
	asked := inv.Lane == ledger.Express && !inv.Chosen && inv.Resends+inv.FailedSessions == 0
	if asked || c.urgent(inv.Deadline) {
		return ctx
	}
	return ratelimit.With(ordinary(ctx), ratelimit.Share(c.o.ExpressShare))
}

// rank marks the requests about a package. The requests are urgent when the package's deadline or
// midnight is near, and ordinary otherwise. Requests about an express session are also urgent for a
// minute after the session began to close, because a person waits for the outcome.
func (c *core) rank(ctx context.Context, p *ledger.Package) context.Context {
	if c.urgent(p.Deadline) || (p.Lane == ledger.Express && c.o.Now().Sub(p.ClosingAt.Time()) < time.Minute) {
		return ctx
	}
	return ratelimit.With(ordinary(ctx), ratelimit.Share(packageShare))
}

// packageShare is the part of a window that ordinary requests about packages leave free in addition
// to the one place. It is twelve of the 1,200 polls an hour.
const packageShare = 0.01
