package tasks

import (
	"context"
	"sync"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// turns bounds how many of this worker's tasks may be asking the gateway for one tenant at the same
// time. A gateway that hangs for one tenant answers nothing until each request's time is up, and
// only then is its circuit open: without a bound all of a worker's places would stand still for so
// long. Safe for concurrent use.
type turns struct {
	most int // 0: any number

	mu    sync.Mutex
	taken map[string]int
}

// turnLater is when a task comes back that found no place. It does not wait here: it would hold the
// place that is to be left for others.
const turnLater = time.Second

// begin takes a place for a tenant. Who has it MUST call end.
func (t *turns) begin(tenant string) (end func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.most > 0 && t.taken[tenant] >= t.most {
		return nil, later(turnLater, retry.ReasonLimit, "this worker asks as much for the tenant as it may at a time")
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

// inTurn lets a package's task run when its tenant has a place.
func (w *Worker) inTurn(do func(context.Context, *ledger.Package) error) func(context.Context, *ledger.Package) error {
	return func(ctx context.Context, p *ledger.Package) error {
		end, err := w.turns.begin(p.Tenant)
		if err != nil {
			return err
		}
		defer end()
		return do(ctx, p)
	}
}
