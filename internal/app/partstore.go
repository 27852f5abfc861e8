package app

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/numbers"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/tasks"
)

// partStore keeps the circuits of the stores that take the parts of packages; it is a
// [tasks.PartStore].
//
// KSeF gives out the addresses of a store only when a session is opened, and a tenant may open only
// sixty sessions an hour. So the store of a tenant's last session is remembered, and the store's
// circuit is asked before the tenant opens the next session.
//
// A store may refuse the parts of one tenant and take those of another, because the addresses of
// parts come with the sessions of their tenant. A tenant's parts count as out of service when two
// of the tenant's packages failed and no part was taken in between. When that happens to two
// tenants, the store counts as down for all. While parts are not taken, a tenant may still open a
// session from time to time, to try whether they are taken again. Each tenant tries for itself and
// does not wait for another tenant's try, because a try uses up a session of its own tenant only.
type partStore struct {
	circuits *circuits
	rdb      redis.UniversalClient
	prefix   string
	tenants  map[string]bool // that this process serves
	spell    *spells
	log      zerolog.Logger
}

const (
	// sessionPause is the longest pause between two sessions that are opened for a store that is
	// down. A package keeps its session as long as KSeF takes the parts, at least twenty minutes,
	// and tries again meanwhile. Another session would find out nothing more.
	sessionPause = numbers.PartTime
	// storeKept is how long the store of a tenant's last session is remembered.
	storeKept = 7 * 24 * time.Hour
	// maxStoreWait is the longest time that a task waits before it looks at the store again. It is
	// much shorter than sessionPause, so that a task that waits during that pause soon notices when
	// the store is back. Looking so often costs little, because few tasks wait. At most one package
	// of each tenant is cut meanwhile.
	maxStoreWait = 15 * time.Second
)

func newPartStore(rdb redis.UniversalClient, store ratelimit.CircuitStore, process string, alone func() bool, cfg config.Config,
	now func() time.Time, log zerolog.Logger,
) (*partStore, error) {
	c, err := newCircuits(store, process, alone, ratelimit.CircuitOptions{
		// One failure of each of two packages is enough to open the circuit of a tenant's parts.
		// Any part that is taken clears the failures.
		Failures: 1, Pairs: 2, Tenants: 2, Groups: 1, Window: 2 * time.Minute,
		MaxDelay: 30 * time.Second, ProbeTTL: max(2*time.Minute, cfg.Gateway.Timeout+10*time.Second),
	})
	if err != nil {
		return nil, err
	}
	tenants := map[string]bool{}
	for _, t := range cfg.Tenants {
		tenants[t.Title()] = true
	}
	return &partStore{circuits: c, rdb: rdb, prefix: cfg.Redis.Prefix, tenants: tenants, spell: newSpells(now), log: log}, nil
}

// storeHost returns the name of a store among the circuits. It is not the host's own name, because
// the gateway may be at the same host.
func storeHost(host string) string { return "parts:" + host }

// partsOf returns the pair for the parts of one tenant at a store. These parts can be out of
// service although the store takes the parts of other tenants.
func partsOf(host, tenant string) ratelimit.Pair {
	return ratelimit.Pair{Host: storeHost(host), Tenant: tenant, Group: groupPartStore}
}

func (s *partStore) remembered(tenant string) string { return s.prefix + "partstore:" + tenant }

// host returns the store of a tenant's last session; "" when none is known.
func (s *partStore) host(ctx context.Context, tenant string) (string, error) {
	host, err := s.rdb.Get(ctx, s.remembered(tenant)).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	return host, err
}

// Ready implements [tasks.PartStore].
func (s *partStore) Ready(ctx context.Context, tenant string) error {
	host, err := s.host(ctx, tenant)
	if err != nil || host == "" {
		return err
	}
	return forPartStore(s.circuits.mayBegin(ctx, partsOf(host, tenant)), host)
}

// Begin implements [tasks.PartStore].
func (s *partStore) Begin(ctx context.Context, tenant string) (withdraw func(context.Context), err error) {
	host, err := s.host(ctx, tenant)
	if err != nil || host == "" {
		return func(context.Context) {}, err
	}
	if err := s.circuits.begin(ctx, partsOf(host, tenant), sessionPause); err != nil {
		return nil, forPartStore(err, host)
	}
	return func(ctx context.Context) {
		s.warn("give back the leave to open a session", s.circuits.withdraw(ctx, partsOf(host, tenant)))
	}, nil
}

// Send implements [tasks.PartStore].
func (s *partStore) Send(ctx context.Context, tenant, pkg, host string) (sent func(context.Context, error), err error) {
	if host == "" { // the client will say what is wrong with the address
		return func(context.Context, error) {}, nil
	}
	if err := s.rdb.Set(ctx, s.remembered(tenant), host, storeKept).Err(); err != nil {
		return nil, err
	}
	p := partsOf(host, tenant)
	p.Object = pkg
	if err := s.circuits.allow(ctx, p); err != nil {
		return nil, forPartStore(err, host)
	}
	return func(ctx context.Context, err error) { s.sent(context.WithoutCancel(ctx), p, host, err) }, nil
}

func (s *partStore) sent(ctx context.Context, p ratelimit.Pair, host string, err error) {
	api, _ := errors.AsType[*ksef.APIError](err)
	switch {
	case err == nil:
		s.warn("count an answer of the part store", s.circuits.answered(ctx, p))
		if after, was := s.spell.over(host); was {
			s.log.Info().Str("store", host).Stringer("after", after.Round(time.Millisecond)).Msg("the part store takes parts again")
		}
		if after, was := s.spell.over(host + " " + p.Tenant); was {
			s.log.Info().Str("store", host).Str("tenant", p.Tenant).Stringer("after",
				after.Round(time.Millisecond)).Msg("the part store takes the tenant's parts again")
		}
	case api == nil || api.Kind == ksef.KindCanceled || api.Kind == ksef.KindLocal || api.Kind == ksef.KindGated:
		s.warn("give the part store's probe back", s.circuits.unsent(ctx, p))
	case api.Kind == ksef.KindThrottled:
		s.warn("count an answer of the part store", s.circuits.answered(ctx, p))
	default:
		// A refusal counts too, because a store with a wrong clock or wrong signatures refuses
		// every package, and each package costs a session.
		count := s.circuits.failed
		switch {
		case api.Exhausted:
			count = s.circuits.exhausted
		case api.Unreachable():
			count = s.circuits.unreachable
		}
		s.warn("count an outage of the part store", count(ctx, p))
		s.tell(ctx, p, host, err)
	}
}

// tell says in the log, rarely, what is out of service.
func (s *partStore) tell(ctx context.Context, p ratelimit.Pair, host string, why error) {
	state, err := s.circuits.state(ctx, p)
	if err != nil || state.Phase == ratelimit.CircuitClosed {
		return
	}
	if state.OfHost || state.own {
		if since, due := s.spell.goesOn(host); due {
			s.log.Warn().Err(why).Str("store", host).Time("since", since).
				Msg("the part store is out of service: packages wait, and packages that have a session keep it; everything else goes on")
		}
		return
	}
	if since, due := s.spell.goesOn(host + " " + p.Tenant); due {
		s.log.Warn().Err(why).Str("store", host).Str("tenant", p.Tenant).Time("since", since).
			Msg("the part store does not take the tenant's parts: its packages wait, and packages that have a session keep it; everybody else " +
				"goes on")
	}
}

func (s *partStore) warn(what string, err error) {
	if err != nil {
		s.log.Warn().Err(err).Msg("cannot " + what)
	}
}

// forPartStore marks a wait as one for the part store.
func forPartStore(err error, host string) error {
	if mine, here := errors.AsType[*unansweredError](err); here {
		err = mine.notNow
	}
	n, ok := errors.AsType[*ratelimit.NotNow](err)
	if !ok {
		return err
	}
	return &ratelimit.NotNow{Wait: min(n.Wait, maxStoreWait), Reason: ratelimit.ReasonStore, Host: host}
}

var _ tasks.PartStore = (*partStore)(nil)
