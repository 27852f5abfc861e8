package app

import (
	"context"
	"errors"

	"ksefworker/internal/ratelimit"
	"ksefworker/internal/tasks"
)

// unansweredError says that this process alone gets no proper answer, as far as the pool knows: it
// may stand behind a proxy that is sick. What it would have done, another worker may well do.
type unansweredError struct{ notNow *ratelimit.NotNow }

func (e *unansweredError) Error() string {
	return "this process gets no proper answer: " + e.notNow.Error()
}

// lonely tells whether the process that asks is the only one that works. When that cannot be found
// out it is not: its own circuits hold it back all the same.
func lonely(pool *tasks.Queue) func() bool {
	return func() bool {
		servers, err := pool.Servers()
		return err == nil && len(servers) < 2
	}
}

// governed reports that the pool knows what this process knows, and speaks for it: then one request
// of the pool asks, and what this process has found out by itself is out of date.
func (c *circuits) governed(ctx context.Context, p ratelimit.Pair) (bool, error) {
	pool, err := c.pool.State(ctx, p)
	if err != nil || pool.Phase == ratelimit.CircuitClosed {
		return false, err
	}
	own, err := c.answers.State(ctx, p)
	return err == nil && (pool.OfHost || !own.OfHost), err
}

// allowOwn asks the circuits of this process.
func (c *circuits) allowOwn(ctx context.Context, p ratelimit.Pair) error {
	err := c.answers.Allow(ctx, p)
	mine, shut := errors.AsType[*ratelimit.NotNow](err)
	if !shut {
		return err
	}
	governed, err := c.governed(ctx, p)
	switch {
	case err != nil:
		return err
	case !governed:
		return &unansweredError{mine}
	}
	return c.answers.Success(ctx, p) // forgotten, so that it holds nothing up when the pool goes on
}

// failed says that the other side was reached and did not answer as itself. The pool hears of it
// when it goes on in this process, or when the pool has asked.
func (c *circuits) failed(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Success(ctx, connecting(p.Host))
	c.silence.goesOn(p.Object)
	governed, err := c.governed(ctx, p)
	if err != nil {
		_ = c.answers.Failure(ctx, p) // the pool's store is away
		return err
	}
	reporter := c.pool
	alone := c.alone()
	if alone {
		reporter = c.sole
	}
	if governed {
		_ = c.answers.Success(ctx, p)
		return reporter.Failure(ctx, p)
	}
	_ = c.answers.Failure(ctx, p)
	own, err := c.answers.State(ctx, p)
	shut := own.Phase != ratelimit.CircuitClosed
	if err != nil || !shut && own.Failures < c.counted {
		return err
	}
	word := p
	if shut && !own.OfHost {
		word.Object = "" // more than one was asked about, as this process has counted
	}
	// Else one object fails alone, as far as is known here: that opens nothing of the pair, but the
	// host may be down, and others may know of another object.
	if err := reporter.Failure(ctx, word); err != nil || alone || !own.OfHost {
		return err
	}
	// Nothing that it asks for is answered: that is a word about the host.
	return c.pool.Unreachable(ctx, p, c.process)
}

// apart tells what this process is kept from by its own circuits alone; a host alone may be asked
// about too.
func (c *circuits) apart(ctx context.Context, p ratelimit.Pair) (ratelimit.CircuitState, error) {
	own, err := c.answers.State(ctx, p)
	if err != nil || own.Phase == ratelimit.CircuitClosed {
		return own, err
	}
	governed, err := c.governed(ctx, p)
	if err != nil || governed {
		return ratelimit.CircuitState{Phase: ratelimit.CircuitClosed}, err
	}
	return own, nil
}

// openHere lists what is not closed in this process and is in the pool.
func (c *circuits) openHere(ctx context.Context, host string) ([]ratelimit.OpenCircuit, error) {
	all, err := c.answers.Open(ctx, host)
	var here []ratelimit.OpenCircuit
	for _, o := range all {
		governed, e := c.governed(ctx, o.Pair)
		if err = errors.Join(err, e); !governed && e == nil {
			here = append(here, o)
		}
	}
	return here, err
}

// refuse returns what a task of a tenant comes to in this process: nil when it may be tried here, as
// far as the tenant, the host and the groups that are named go.
func (l *limits) refuse(tenant string, groups ...string) error {
	if err := l.faults.refuse(tenant); err != nil {
		return err
	}
	pairs := []ratelimit.Pair{{Host: l.host}}
	for _, g := range groups {
		pairs = append(pairs, l.pair(tenant, g))
	}
	for _, p := range pairs {
		// That the store is away is said where it is needed.
		if s, err := l.circuits.apart(context.Background(), p); err == nil && s.Wait > 0 {
			n := &ratelimit.NotNow{Wait: s.Wait, Reason: ratelimit.ReasonOutage, Host: l.host}
			if !s.OfHost {
				n.Key = ratelimit.Key{Tenant: p.Tenant, Group: p.Group}
			}
			return l.faults.handOver(tenant, &unansweredError{n})
		}
	}
	if len(groups) > 0 && l.circuits.silence.ofThisProcess() && !l.circuits.alone() {
		n := &ratelimit.NotNow{Reason: ratelimit.ReasonOutage, Host: l.host}
		return l.faults.handOver(tenant, &unansweredError{n})
	}
	return nil
}

// handed turns a request that only this process cannot make into one for another worker.
func (l *limits) handed(tenant string, err error) error {
	if mine, ok := errors.AsType[*unansweredError](err); ok {
		return l.faults.handOver(tenant, mine)
	}
	return err
}
