package app

import (
	"context"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

// readingGate lets a check send requests without any effect on the pool. It reserves no place in a
// window, reports to no circuit and pauses no tenant. So a check with a wrong key, or from a
// machine without network, cannot stop the pool. A request passes only while every window has a
// place left and the group is not frozen.
type readingGate struct {
	limiter *ratelimit.Limiter
	tenant  string
}

// Enter implements ksef.Gate.
func (g readingGate) Enter(ctx context.Context, group ksef.Group) error {
	key := ratelimit.Key{Tenant: g.tenant, Group: string(group.Counter())}
	u, err := g.limiter.Usage(ctx, key.Tenant, key.Group)
	if err != nil {
		return err
	}
	if u.Frozen > 0 {
		return &ratelimit.NotNow{Wait: u.Frozen, Reason: ratelimit.ReasonFrozen, Cause: u.Cause, Key: key}
	}
	for _, w := range u.Windows {
		if w.Left == 0 {
			return &ratelimit.NotNow{Wait: w.Free, Reason: ratelimit.ReasonLimit, Key: key}
		}
	}
	return nil
}

// Leave implements ksef.Gate.
func (readingGate) Leave(context.Context, ksef.Group, ksef.Outcome) {}
