package app

import (
	"cmp"
	"context"
	"time"

	"ksefworker/internal/ratelimit"
)

// circuits are the circuits of this process alone, which a request passes first, and the pool's
// circuits. A process that cannot connect may have lost its own network. A process that gets no
// proper answers may be behind a sick proxy. Neither fault may stop the other processes. So a
// process counts such failures in memory first, and tells the pool only after several of them.
// Unless the process is alone in the pool, the pool takes the failures for an outage only when two
// processes report them (see [ratelimit.CircuitOptions] and [ratelimit.Circuit.Unreachable]). Safe
// for concurrent use.
type circuits struct {
	pool    *ratelimit.Circuit
	sole    *ratelimit.Circuit // the pool's circuit, used when this process is alone in the pool
	own     *ratelimit.Circuit // of this process, about connecting at all
	answers *ratelimit.Circuit // of this process, about proper answers for a pair (a tenant's group at a host)
	alone   func() bool
	process string
	counted int // failures in a row in this process before the pool is told
	streak  streak
}

func newCircuits(store ratelimit.CircuitStore, process string, alone func() bool,
	o ratelimit.CircuitOptions,
) (*circuits, error) {
	answers, err := ratelimit.NewCircuit(ratelimit.NewMemory(nil), o)
	if err != nil {
		return nil, err
	}
	shared := o
	shared.Failures = 1 // the process has already counted what it reports to the pool
	sole, err := ratelimit.NewCircuit(store, shared)
	if err != nil {
		return nil, err
	}
	shared.Process = process
	pool, err := ratelimit.NewCircuit(store, shared)
	if err != nil {
		return nil, err
	}
	// This circuit is only about connecting, and has a single pair for each host. So the failures
	// of this pair are enough to open the circuit of the host.
	own, err := ratelimit.NewCircuit(ratelimit.NewMemory(nil), ratelimit.CircuitOptions{
		Pairs: 1, Tenants: 1, Groups: 1, Grace: time.Millisecond, ProbeTTL: o.ProbeTTL, MaxDelay: o.MaxDelay,
	})
	if err != nil {
		return nil, err
	}
	return &circuits{pool: pool, sole: sole, own: own, answers: answers, alone: alone, process: process,
		counted: cmp.Or(o.Failures, ratelimit.DefaultFailures)}, nil
}

// connecting returns the pair of a host in the circuit about connecting, which has a single pair
// for each host.
func connecting(host string) ratelimit.Pair {
	return ratelimit.Pair{Host: host, Tenant: "process", Group: groupConnect}
}

// Names of circuits in metrics, besides the groups of a tenant's requests. The series connect and
// host have no tenant. The series part_store has a tenant when only the circuit of that tenant's
// parts is open.
const (
	groupConnect   = "connect"    // this process cannot connect, or gets no proper answers
	groupHost      = "host"       // the gateway or KSeF
	groupPartStore = "part_store" // the store that takes the parts of packages
)

// allow returns nil when a request may go. Then the caller must call exactly one of unsent,
// answered, exhausted, unreachable and failed.
func (c *circuits) allow(ctx context.Context, p ratelimit.Pair) error {
	own := connecting(p.Host)
	if err := c.allowConnecting(ctx, p.Host); err != nil {
		return err
	}
	if err := c.allowOwn(ctx, p); err != nil {
		_ = c.own.Release(ctx, own) // a circuit in memory returns no error
		return err
	}
	if err := c.pool.Allow(ctx, p); err != nil {
		_ = c.own.Release(ctx, own)
		_ = c.answers.Release(ctx, p)
		return err
	}
	return nil
}

// unsent reports that the request was not sent, and that the host is not the reason.
func (c *circuits) unsent(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Release(ctx, connecting(p.Host))
	_ = c.answers.Release(ctx, p)
	return c.pool.Release(ctx, p)
}

// answered reports a proper answer, with any status.
func (c *circuits) answered(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Success(ctx, connecting(p.Host))
	_ = c.answers.Success(ctx, p)
	c.streak.answered()
	return c.pool.Success(ctx, p)
}

// exhausted reports that this process could not connect because its machine had no file
// descriptors, ports or memory left. The pool is never told, because a fault of this machine says
// nothing about the host.
func (c *circuits) exhausted(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Failure(ctx, connecting(p.Host))
	_ = c.answers.Release(ctx, p)
	return c.pool.Release(ctx, p)
}

// unreachable reports that this process could not connect.
func (c *circuits) unreachable(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Failure(ctx, connecting(p.Host))
	_ = c.answers.Release(ctx, p)
	if own, err := c.own.State(ctx, connecting(p.Host)); err == nil && own.Phase == ratelimit.CircuitClosed {
		// This process has not failed often enough to report that it cannot connect. If the pool
		// already counts the host as down, this request may have been the pool's probe, and the
		// pool has to be told how the probe ended.
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

// reach is the state of the circuit that holds a request back.
type reach struct {
	ratelimit.CircuitState
	own        bool // as far as the pool knows, only this process cannot connect
	unanswered bool // as far as the pool knows, only this process gets no proper answers
	elsewhere  bool // own or unanswered is set, and there are other processes that may get through
}

// state returns the circuit that holds a request of p back. This is the circuit of the host, of
// this process or of the pair. p may name a host alone.
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
		return reach{CircuitState: apart, unanswered: true, elsewhere: true}, nil
	}
	own.Wait = max(own.Wait, pool.Wait)
	return reach{CircuitState: own, own: true, elsewhere: !c.alone()}, nil
}

// open lists those of the pool's circuits that are not closed, for a host and its pairs.
func (c *circuits) open(ctx context.Context, host string) ([]ratelimit.OpenCircuit, error) {
	return c.pool.Open(ctx, host)
}

// mayBegin returns nil when begin would succeed now; it reserves nothing.
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

// begin asks for permission to begin work that is costly to repeat (see [ratelimit.Circuit.Begin]).
// It asks this process's own circuits and the pool's.
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

// withdraw gives back the permission that begin gave.
func (c *circuits) withdraw(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Withdraw(ctx, connecting(p.Host))
	_ = c.answers.Withdraw(ctx, p)
	return c.pool.Withdraw(ctx, p)
}
