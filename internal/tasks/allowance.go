package tasks

import (
	"context"
	"sync"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
)

// allowanceOf returns what the limits on opening sessions still leave to a tenant, for one more
// package of a waiting set. The argument sets is how many waiting sets the tenant has. A package
// that is cut and about to open its session counts as a session, although the limiter has not
// booked one for it yet. Otherwise a hundred packages would be cut for the last free session.
func allowanceOf(u ratelimit.Usage, way ledger.OnWay, g ledger.Group, sets int, now time.Time) Allowance {
	r := Allowance{Sets: sets, OnWay: way.Packages, Full: u.Frozen > 0}
	r.Gap, r.Recent, r.Burst = u.Spacing()
	r.Recent += way.Cut
	left := u
	left.Windows = make([]ratelimit.WindowUsage, len(u.Windows))
	for i, win := range u.Windows {
		kept := midnightKept(win.Window, g, sets, now)
		win.Used += way.Cut
		win.Left = max(win.Left-way.Cut-kept, 0)
		win.Limit -= kept
		r.Full = r.Full || win.Left == 0
		left.Windows[i] = win
	}
	r.Pace = left.Pace()
	return r
}

// allowance reads the allowance that the decision about a set depends on.
func (l *laneChooser) allowance(ctx context.Context, set ledger.Waiting, round cutRound) (Allowance, error) {
	tenant, group := set.Group.Tenant, string(ksef.GroupBatchSession)
	u, err := l.Budget.Usage(ctx, tenant, group)
	if err != nil {
		return Allowance{}, err
	}
	way, err := round.onWay()
	if err != nil {
		return Allowance{}, err
	}
	arriving, err := round.arriving()
	if err != nil {
		return Allowance{}, err
	}
	r := allowanceOf(u, way[tenant], set.Group, setsOf(round.waits, tenant), round.now)
	r.Arriving = arriving[tenant]
	if r.Full {
		return r, nil
	}
	// The package will have to ask the limiter for a session. The limiter is asked the same
	// question here, before the package exists, because the counts above leave out margins and what
	// is reserved for others. By the counts alone, a package could be cut that gets no session from
	// the limiter and goes back, again and again.
	p := ledger.Package{Lane: ledger.Bulk, Tenant: tenant, Offline: set.Group.Offline, Deadline: ledger.At(set.Deadline)}
	wait, err := l.Budget.Peek(l.opening(l.rank(ctx, &p), &p, u, r.Sets), tenant, group)
	r.Full = wait > 0
	return r, err
}

// opening returns a context for the request that opens a package's session. The context has the
// package's deadline, and the number of sessions that the request must leave to the cuts before
// midnight.
func (l *laneChooser) opening(ctx context.Context, p *ledger.Package, u ratelimit.Usage, sets int) context.Context {
	kept := 0
	for _, win := range u.Windows {
		kept = max(kept, midnightKept(win.Window, ledger.Group{Offline: p.Offline}, sets, l.o.Now()))
	}
	ctx = ratelimit.With(ctx, ratelimit.Due(p.Deadline.Time()))
	if kept > 0 {
		ctx = ratelimit.With(ctx, ratelimit.Reserve(kept))
	}
	return ctx
}

// ordered does the same as opening for a package that is cut already. It reads the usage and the
// waiting sets itself.
func (l *laneChooser) ordered(ctx context.Context, p *ledger.Package) (context.Context, error) {
	u, err := l.Budget.Usage(ctx, p.Tenant, string(ksef.GroupBatchSession))
	if err != nil {
		return nil, err
	}
	waits, err := l.Ledger.Waits(ctx)
	if err != nil {
		return nil, err
	}
	return l.opening(ctx, p, u, max(setsOf(waits, p.Tenant), 1)), nil
}

// setsOf counts the waiting sets of a tenant.
func setsOf(waits []ledger.Waiting, tenant string) int {
	n := 0
	for _, set := range waits {
		if set.Group.Tenant == tenant {
			n++
		}
	}
	return n
}

// onWay returns a function that counts the packages on their way. The function reads the packages
// once for all sets of a round, and only when a set is due.
func (l *laneChooser) onWay(ctx context.Context) func() (map[string]ledger.OnWay, error) {
	return sync.OnceValues(func() (map[string]ledger.OnWay, error) { return l.Ledger.OnWay(ctx, onWayAtOnce) })
}

// onWayAtOnce bounds how many packages of each state a round reads.
const onWayAtOnce = 500
