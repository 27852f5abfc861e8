package app

import (
	"context"
	"time"

	"ksefworker/internal/ratelimit"
)

// circuits are those of the pool, and behind them one of this process alone. A process that cannot
// connect may have lost its own network: that stops nobody else, so it is kept in memory, and the
// pool hears of it only when this process has failed for a while; it takes the word of two for an
// outage (see [ratelimit.Circuit.Unreachable]).
type circuits struct {
	pool    *ratelimit.Circuit
	own     *ratelimit.Circuit
	process string
}

func newCircuits(store ratelimit.CircuitStore, process string, o ratelimit.CircuitOptions) (*circuits, error) {
	pool, err := ratelimit.NewCircuit(store, o)
	if err != nil {
		return nil, err
	}
	// Connecting is the only thing that its circuit is about, so it stands for the whole host.
	own, err := ratelimit.NewCircuit(ratelimit.NewMemory(nil), ratelimit.CircuitOptions{
		Pairs: 1, Tenants: 1, Groups: 1, Grace: time.Millisecond, ProbeTTL: o.ProbeTTL, MaxDelay: o.MaxDelay,
	})
	if err != nil {
		return nil, err
	}
	return &circuits{pool: pool, own: own, process: process}, nil
}

// connecting is what the process's own circuit is about.
func connecting(host string) ratelimit.Pair {
	return ratelimit.Pair{Host: host, Tenant: "process", Group: groupConnect}
}

// The names under which circuits that are not of a tenant's group are shown.
const (
	groupConnect   = "connect"    // this process cannot connect
	groupHost      = "host"       // the gateway
	groupPartStore = "part_store" // the store that takes the parts of packages
)

// allow returns nil when a request may go; then exactly one of the methods below must follow.
func (c *circuits) allow(ctx context.Context, p ratelimit.Pair) error {
	own := connecting(p.Host)
	if err := c.own.Allow(ctx, own); err != nil {
		return err
	}
	if err := c.pool.Allow(ctx, p); err != nil {
		_ = c.own.Release(ctx, own) // memory does not fail
		return err
	}
	return nil
}

// unsent says that the request did not leave, for a reason that says nothing about the other side.
func (c *circuits) unsent(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Release(ctx, connecting(p.Host))
	return c.pool.Release(ctx, p)
}

func (c *circuits) answered(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Success(ctx, connecting(p.Host))
	return c.pool.Success(ctx, p)
}

// failed says that the other side was reached and did not answer as itself.
func (c *circuits) failed(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Success(ctx, connecting(p.Host))
	return c.pool.Failure(ctx, p)
}

// unreachable says that no connection came about.
func (c *circuits) unreachable(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Failure(ctx, connecting(p.Host))
	if own, err := c.own.State(ctx, connecting(p.Host)); err == nil && own.Phase == ratelimit.CircuitClosed {
		// Once is no evidence, unless this was the probe of a host that is down.
		s, err := c.pool.State(ctx, ratelimit.Pair{Host: p.Host})
		if err != nil {
			return err
		}
		if s.Phase == ratelimit.CircuitClosed {
			return c.pool.Release(ctx, p)
		}
	}
	return c.pool.Unreachable(ctx, p, c.process)
}

// reach is what keeps a request back.
type reach struct {
	ratelimit.CircuitState
	own bool // it is this process that cannot connect, as far as the pool knows
}

// state tells what keeps a request of p back; a host alone may be asked about too.
func (c *circuits) state(ctx context.Context, p ratelimit.Pair) (reach, error) {
	pool, err := c.pool.State(ctx, p)
	if err != nil {
		return reach{CircuitState: pool}, err
	}
	own, err := c.own.State(ctx, connecting(p.Host))
	if err != nil || own.Phase == ratelimit.CircuitClosed || pool.OfHost {
		return reach{CircuitState: pool}, err
	}
	own.Wait = max(own.Wait, pool.Wait)
	return reach{CircuitState: own, own: true}, nil
}

// open lists what is not closed in the pool: the host's circuit, and those of pairs.
func (c *circuits) open(ctx context.Context, host string) ([]ratelimit.OpenCircuit, error) {
	return c.pool.Open(ctx, host)
}

// mayBegin and begin ask for leave to begin something costly, as [ratelimit.Circuit.Begin] has it;
// here too a process that cannot connect holds itself back.
func (c *circuits) mayBegin(ctx context.Context, host string) error {
	if err := c.own.MayBegin(ctx, host); err != nil {
		return err
	}
	return c.pool.MayBegin(ctx, host)
}

func (c *circuits) begin(ctx context.Context, host string, pause time.Duration) error {
	if err := c.own.Begin(ctx, host, pause); err != nil {
		return err
	}
	if err := c.pool.Begin(ctx, host, pause); err != nil {
		_ = c.own.Withdraw(ctx, host)
		return err
	}
	return nil
}

func (c *circuits) withdraw(ctx context.Context, host string) error {
	_ = c.own.Withdraw(ctx, host)
	return c.pool.Withdraw(ctx, host)
}
