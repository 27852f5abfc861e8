package tasks

import (
	"context"
	"sync"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// turns bounds how many single sends and confirm tasks this worker runs for one tenant at the same
// time. A gateway that hangs for one tenant answers nothing until each request's time is up, and
// only then does its circuit open. Without a bound, all of a worker's places would stand still
// until then. Safe for concurrent use.
type turns struct {
	max int // 0: any number

	mu    sync.Mutex
	taken map[string]int
}

// turnLater is the pause of a task that found no place. The task does not wait in the worker, where
// it would occupy the place that has to stay free for others.
const turnLater = time.Second

// begin takes a place for a tenant. A caller that has a place MUST call end.
func (t *turns) begin(tenant string) (end func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.max > 0 && t.taken[tenant] >= t.max {
		return nil, later(turnLater, retry.ReasonLimit,
			"this worker already runs the maximum number of tasks that ask KSeF for the tenant")
	}
	if t.taken == nil {
		t.taken = map[string]int{}
	}
	t.taken[tenant]++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.taken[tenant]--; t.taken[tenant] == 0 {
			delete(t.taken, tenant)
		}
	}, nil
}

// inTurn runs a package's task only when its tenant has a free place.
func (c *confirmer) inTurn(do func(context.Context, *ledger.Package) error) func(context.Context, *ledger.Package) error {
	return func(ctx context.Context, p *ledger.Package) error {
		end, err := c.turns.begin(p.Tenant)
		if err != nil {
			return err
		}
		defer end()
		return do(ctx, p)
	}
}
