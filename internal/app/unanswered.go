package app

import (
	"context"
	"errors"

	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
)

// unansweredError says that this process gets no proper answers or cannot connect, while the pool
// knows of no other process that fails in the same way. A sick proxy may be the cause. Another
// worker may be able to do what this one cannot.
type unansweredError struct {
	notNow *ratelimit.NotNow
	apart  bool // this process cannot connect; false: it connects and gets no proper answer
}

func (e *unansweredError) Error() string {
	if e.apart {
		return "this process cannot connect: " + e.notNow.Error()
	}
	return "this process gets no proper answer: " + e.notNow.Error()
}

// aloneInPool returns a function that reports whether this process is the only one of its pool.
// When that cannot be found out, it reports false, and the process's own circuits still hold the
// process back.
func aloneInPool(pool *queue.Queue) func() bool {
	return func() bool {
		servers, err := pool.Servers()
		return err == nil && len(servers) < 2
	}
}

// governed reports whether the pool's circuit is open for the requests that this process has seen
// fail. In that case one probe of the pool decides, and this process's own circuit does not count.
func (c *circuits) governed(ctx context.Context, p ratelimit.Pair) (bool, error) {
	pool, err := c.pool.State(ctx, p)
	if err != nil || pool.Phase == ratelimit.CircuitClosed {
		return false, err
	}
	own, err := c.answers.State(ctx, p)
	return err == nil && (pool.OfHost || !own.OfHost), err
}

// allowConnecting asks this process's circuit whether a request may try to connect to the host.
// While other processes may be able to connect, tasks that this one cannot do are left to them.
// Otherwise this process would take most tasks, because it fails them at once and is free again.
// Each task would then wait until this process tries to connect again.
func (c *circuits) allowConnecting(ctx context.Context, host string) error {
	err := c.own.Allow(ctx, connecting(host))
	n, shut := errors.AsType[*ratelimit.NotNow](err)
	if !shut {
		return err
	}
	if s, e := c.state(ctx, ratelimit.Pair{Host: host}); e == nil && s.own && s.elsewhere {
		return &unansweredError{n, true}
	}
	return err
}

// allowOwn asks the circuits of this process whether a request may be sent.
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
		return &unansweredError{mine, false}
	}
	return c.answers.Success(ctx, p) // closes this process's own circuit, which must not delay requests while the pool's circuit governs
}

// failed reports that a request reached the host and got no proper answer. The pool is told when
// this process has failed several times in a row, or when the request was the pool's probe.
func (c *circuits) failed(ctx context.Context, p ratelimit.Pair) error {
	_ = c.own.Success(ctx, connecting(p.Host))
	c.streak.failed(p.Object)
	governed, err := c.governed(ctx, p)
	if err != nil {
		_ = c.answers.Failure(ctx, p) // the pool's store does not answer
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
	report := p
	if shut && !own.OfHost {
		report.Object = "" // more than one object's requests have failed here, so no single object is to blame
	}
	// A report about one object does not open the pair's circuit. It still helps when the host is
	// down, because another process may report another object.
	if err := reporter.Failure(ctx, report); err != nil || alone || !own.OfHost {
		return err
	}
	// None of this process's requests is answered, so the host may be down.
	return c.pool.Unreachable(ctx, p, c.process)
}

// apart returns the state of this process's own circuit for p. While the pool's circuit governs
// (see governed), it returns a closed circuit. p may name a host alone.
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

// openHere lists the circuits that are open in this process but closed in the pool.
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

// refuse returns nil when this process may try a task of the tenant that needs these groups.
// Otherwise it returns the error that leaves the task to another worker.
func (l *limits) refuse(tenant string, groups ...string) error {
	if err := l.faults.refuse(tenant); err != nil {
		return err
	}
	host := l.hosts.of(tenant)
	if s, err := l.circuits.state(context.Background(), ratelimit.Pair{Host: host}); err == nil && s.own && s.elsewhere && s.Wait > 0 {
		n := &ratelimit.NotNow{Wait: s.Wait, Reason: ratelimit.ReasonOutage, Host: host}
		return l.faults.handOver(tenant, &unansweredError{n, true})
	}
	pairs := []ratelimit.Pair{{Host: host}}
	for _, g := range groups {
		pairs = append(pairs, l.pair(tenant, g))
	}
	for _, p := range pairs {
		// An error of the store is ignored here. The calls that need the store return it.
		if s, err := l.circuits.apart(context.Background(), p); err == nil && s.Wait > 0 {
			n := &ratelimit.NotNow{Wait: s.Wait, Reason: ratelimit.ReasonOutage, Host: host}
			if !s.OfHost {
				n.Key = ratelimit.Key{Tenant: p.Tenant, Group: p.Group}
			}
			return l.faults.handOver(tenant, &unansweredError{n, false})
		}
	}
	if len(groups) > 0 && l.circuits.streak.ofThisProcess() && !l.circuits.alone() {
		n := &ratelimit.NotNow{Reason: ratelimit.ReasonOutage, Host: host}
		return l.faults.handOver(tenant, &unansweredError{n, false})
	}
	return nil
}

// handed returns the error that leaves the task to another worker, if err is an *unansweredError.
// It returns any other error unchanged.
func (l *limits) handed(tenant string, err error) error {
	if mine, ok := errors.AsType[*unansweredError](err); ok {
		return l.faults.handOver(tenant, mine)
	}
	return err
}
