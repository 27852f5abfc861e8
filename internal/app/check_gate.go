package app

import (
	"context"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

// readingGate lets a check ask the gateway and leaves no trace: it books nothing, tells no circuit
// and pauses nobody. What the pool does goes by its own answers, and a check that is made with a
// wrong key, or from a machine without a network, must not stop it. It asks only while a place is
// left in every window and nothing is frozen.
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
		return &ratelimit.NotNow{Wait: u.Frozen, Reason: ratelimit.ReasonFrozen, Key: key}
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
