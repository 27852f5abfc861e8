package app

import (
	"cmp"
	"context"
	"time"

	"ksefworker/internal/ratelimit"
)

// circuits are those of the pool, and before them those of this process alone. A process that cannot
// connect may have lost its own network, and one that gets no proper answer may stand behind a sick
// proxy: that stops nobody else, so it is kept in memory, and the pool hears of it only when this
// process has failed for a while; it takes the word of two for an outage (see
// [ratelimit.CircuitOptions] and [ratelimit.Circuit.Unreachable]).
type circuits struct {
	pool    *ratelimit.Circuit
	sole    *ratelimit.Circuit // the pool's, when this process is all of it
	own     *ratelimit.Circuit // of connecting
	answers *ratelimit.Circuit // of what this process gets for an answer, by pair
	alone   func() bool
	process string
	counted int // failures in a row that this process counts for itself before the pool hears of them
	silence silence
}

func newCircuits(store ratelimit.CircuitStore, process string, alone func() bool,
	o ratelimit.CircuitOptions,
) (*circuits, error) {
	answers, err := ratelimit.NewCircuit(ratelimit.NewMemory(nil), o)
	if err != nil {
		return nil, err
	}
	words := o
	words.Failures = 1 // what the pool hears has been counted in the process
	sole, err := ratelimit.NewCircuit(store, words)
	if err != nil {
		return nil, err
	}
	words.Process = process
	pool, err := ratelimit.NewCircuit(store, words)
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
	return &circuits{pool: pool, sole: sole, own: own, answers: answers, alone: alone, process: process,
		counted: cmp.Or(o.Failures, ratelimit.DefaultFailures)}, nil
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
	if err := c.allowOwn(ctx, p); err != nil {
		_ = c.own.Release(ctx, own) // memory does not fail
		return err
	}
	if err := c.pool.Allow(ctx, p); err != nil {
		_ = c.own.Release(ctx, own)
		_ = c.answers.Release(ctx, p)
		return err
	}
	return nil
}

// unsent says that the request did not leave, for a reason that says nothing about the other side.
func (c *circuits) unsent(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Release(ctx, connecting(p.Host))
	_ = c.answers.Release(ctx, p)
	return c.pool.Release(ctx, p)
}

func (c *circuits) answered(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Success(ctx, connecting(p.Host))
	_ = c.answers.Success(ctx, p)
	c.silence.over()
	return c.pool.Success(ctx, p)
}

// unreachable says that no connection came about.
func (c *circuits) unreachable(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Failure(ctx, connecting(p.Host))
	_ = c.answers.Release(ctx, p)
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
	own        bool // it is this process that cannot connect, as far as the pool knows
	unanswered bool // it is this process that gets no proper answer, likewise
}

// state tells what keeps a request of p back; a host alone may be asked about too.
func (c *circuits) state(ctx context.Context, p ratelimit.Pair) (reach, error) {
	pool, err := c.pool.State(ctx, p)
	if err != nil {
		return reach{CircuitState: pool}, err
	}
	own, err := c.own.State(ctx, connecting(p.Host))
	if err != nil || pool.OfHost {
		return reach{CircuitState: pool}, err
	}
	if own.Phase == ratelimit.CircuitClosed {
		apart, err := c.apart(ctx, p)
		if err != nil || apart.Phase == ratelimit.CircuitClosed {
			return reach{CircuitState: pool}, err
		}
		return reach{CircuitState: apart, unanswered: true}, nil
	}
	own.Wait = max(own.Wait, pool.Wait)
	return reach{CircuitState: own, own: true}, nil
}

// open lists what is not closed in the pool: the host's circuit, and those of pairs.
func (c *circuits) open(ctx context.Context, host string) ([]ratelimit.OpenCircuit, error) {
	return c.pool.Open(ctx, host)
}

// mayBegin and begin ask for leave to begin something costly of a pair, as [ratelimit.Circuit.Begin]
// has it; here too a process that cannot connect, or gets no proper answer, holds itself back.
func (c *circuits) mayBegin(ctx context.Context, p ratelimit.Pair) error {
	if err := c.own.MayBegin(ctx, connecting(p.Host)); err != nil {
		return err
	}
	if err := c.pool.MayBegin(ctx, p); err != nil {
		return err
	}
	if s, err := c.apart(ctx, p); err != nil || s.Phase == ratelimit.CircuitClosed {
		return err
	}
	return c.answers.MayBegin(ctx, p)
}

func (c *circuits) begin(ctx context.Context, p ratelimit.Pair, pause time.Duration) error {
	if err := c.own.Begin(ctx, connecting(p.Host), pause); err != nil {
		return err
	}
	if err := c.pool.Begin(ctx, p, pause); err != nil {
		_ = c.own.Withdraw(ctx, connecting(p.Host))
		return err
	}
	s, err := c.apart(ctx, p)
	if err == nil && s.Phase != ratelimit.CircuitClosed {
		err = c.answers.Begin(ctx, p, pause)
	}
	if err != nil {
		_ = c.own.Withdraw(ctx, connecting(p.Host))
		_ = c.pool.Withdraw(ctx, p)
	}
	return err
}

func (c *circuits) withdraw(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Withdraw(ctx, connecting(p.Host))
	_ = c.answers.Withdraw(ctx, p)
	return c.pool.Withdraw(ctx, p)
}
