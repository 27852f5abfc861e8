package tasks

import (
	"context"
	"sync"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// turns bounds how many single sends and confirm tasks this worker runs for one tenant at the same
// time. When a gateway hangs for one tenant, each request for the tenant lasts until its time-out,
// and only after that does the circuit open. Without a bound, all places of the worker could be
// occupied until then. Safe for concurrent use.
type turns struct {
	max int // 0: any number

	mu    sync.Mutex
	taken map[string]int
}

// turnLater is the pause of a task whose tenant already has as many tasks as it may. The task goes
// back to the queue. If it waited here, it would occupy a place of the worker that other tenants
// need.
const turnLater = time.Second

// begin takes a turn for a tenant. A caller that has a turn MUST call end.
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

// inTurn returns a function that calls do only if the package's tenant has a free turn.
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
