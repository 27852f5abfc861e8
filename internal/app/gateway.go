package app

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/connect"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
)

// limits are the pool's limiter and circuits. Safe for concurrent use.
type limits struct {
	limiter  *ratelimit.Limiter
	store    *ratelimit.PendingFreezes
	logs     *ratelimit.Redis // the limiter's Redis, to which store writes; asked directly where many keys are read at once
	circuits *circuits        // of the gateway and of KSeF itself
	faults   *localFaults
	hosts    hosts
	outages  outages
	parts    *partStore
	usages   *cached[usages]
	told     *toldLimits // nil until there are clients
}

// pair returns the [ratelimit.Pair] for the requests of one group that are made for a tenant. A
// pair can be out of service although other pairs of the same host work.
func (l *limits) pair(tenant, group string) ratelimit.Pair {
	return ratelimit.Pair{Host: l.hosts.of(tenant), Tenant: tenant, Group: group}
}

// payEvery is how often pending freezes are written to Redis. A 429 may come during an outage of
// Redis. When Redis is back, the pool has to know of the 429 before another worker takes up tasks.
// As long as no freeze is pending, this costs only a lock.
const payEvery = 100 * time.Millisecond

// pay writes pending freezes to Redis until stop is closed.
func (l *limits) pay(ctx context.Context, stop <-chan struct{}) {
	t := time.NewTicker(payEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			_ = l.store.Flush(ctx) // after an error they stay pending; others log that Redis does not answer
		case <-stop:
			return
		}
	}
}

func newLimits(pool *connect.Pool, process string, faults *localFaults, log zerolog.Logger, o ratelimit.Observer) (*limits, error) {
	cfg := pool.Config
	hosts, err := hostsOf(cfg)
	if err != nil {
		return nil, err
	}
	shared := ratelimit.NewRedis(pool.Redis, cfg.Redis.Prefix)
	shared.OnDeleted(func(key, held string) {
		log.Error().Str("key", key).Str("held", held).
			Msg("a key of Redis held another type than the limiter writes there: " +
				"it was deleted and begins again; find out which program wrote it")
	})
	store := ratelimit.NewPendingFreezes(shared)
	limiter, err := pool.Limiter(store, o)
	if err != nil {
		return nil, err
	}
	alone := aloneInPool(pool.Queue)
	// When only one tenant uses a host, no second tenant can confirm an outage. Failures of three
	// groups of that tenant confirm it instead.
	circuits, err := newCircuits(shared, process, alone, ratelimit.CircuitOptions{
		ProbeTTL:  cfg.Gateway.Timeout + 10*time.Second,
		TenantsAt: func(host string) int { return min(max(hosts.atWork(cfg, host), 1), 2) },
	})
	if err != nil {
		return nil, err
	}
	parts, err := newPartStore(queue.Unbounded(pool.Redis), shared, process, alone, cfg, pool.Now, log)
	if err != nil {
		return nil, err
	}
	l := &limits{limiter: limiter, store: store, logs: shared, circuits: circuits, faults: faults, hosts: hosts,
		outages: outages{newSpells(pool.Now)}, parts: parts}
	l.usages = newCached(usagesAge, pool.Now, l.readUsages)
	return l, nil
}

// budget shows the limits and circuits to the task handlers. It is a [tasks.Budget].
type budget struct{ l *limits }

// Peek implements tasks.Budget. A group that is out of service for the pool counts as a wait. A
// group that is out of service only for this process does not, because another process may send.
func (b budget) Peek(ctx context.Context, tenant, group string) (time.Duration, error) {
	s, err := b.l.circuits.state(ctx, b.l.pair(tenant, group))
	if err != nil || s.Wait > 0 && !s.elsewhere {
		return s.Wait, err
	}
	return b.l.limiter.Peek(ctx, tenant, group)
}

// Join implements tasks.Budget. It checks the circuits first, because the limiter does not know
// them. Otherwise a package could be built at each try, only for the gate to refuse its session.
func (b budget) Join(ctx context.Context, tenant, group string) error {
	p := b.l.pair(tenant, group)
	s, err := b.l.circuits.state(ctx, p)
	if err != nil {
		return err
	}
	if s.Wait > 0 {
		n := &ratelimit.NotNow{Wait: s.Wait, Reason: ratelimit.ReasonOutage, Host: p.Host}
		if s.elsewhere {
			return b.l.faults.handOver(tenant, &unansweredError{n, s.own})
		}
		if !s.OfHost {
			n.Key = ratelimit.Key{Tenant: tenant, Group: group}
		}
		return n
	}
	return b.l.limiter.Join(ctx, tenant, group)
}

// Leave implements tasks.Budget.
func (b budget) Leave(ctx context.Context, tenant, group string) error {
	return b.l.limiter.Leave(ctx, tenant, group)
}

// Usage implements tasks.Budget.
func (b budget) Usage(ctx context.Context, tenant, group string) (ratelimit.Usage, error) {
	return b.l.limiter.Usage(ctx, tenant, group)
}

// Pause implements tasks.Budget. It freezes the groups that open sessions and send, because KSeF
// refuses everything of the tenant.
func (b budget) Pause(ctx context.Context, tenant string, d time.Duration) error {
	for _, group := range []string{ratelimit.GroupBatchSession, ratelimit.GroupOnlineSession, ratelimit.GroupInvoiceSend} {
		if err := b.l.store.Freeze(ctx, ratelimit.Key{Tenant: tenant, Group: group}, d, ratelimit.CauseDenied); err != nil {
			return err
		}
	}
	return nil
}

// Down implements tasks.Budget. Without groups it asks about the tenant's host. A group counts as
// up while only this process gets no answers from it, because other processes go on.
func (b budget) Down(ctx context.Context, tenant string, groups ...string) (bool, error) {
	if len(groups) == 0 {
		return b.down(ctx, ratelimit.Pair{Host: b.l.hosts.of(tenant)})
	}
	for _, g := range groups {
		if down, err := b.down(ctx, b.l.pair(tenant, g)); down || err != nil {
			return down, err
		}
	}
	return false, nil
}

func (b budget) down(ctx context.Context, p ratelimit.Pair) (bool, error) {
	s, err := b.l.circuits.state(ctx, p)
	return err == nil && s.Phase != ratelimit.CircuitClosed && !s.elsewhere, err
}
