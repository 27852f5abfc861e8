package connect

import (
	"context"
	"fmt"
	"net/url"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
	"ksefworker/internal/waiting"
)

// Waiting returns a reader that finds out why invoices wait. The reader writes nothing, so every
// process that shares the pool's Redis may use it. The reader takes what only one worker can know
// (about its key file, its network, its archive) from the errors of tasks.
func (p *Pool) Waiting() (*waiting.Reader, error) {
	cfg := p.Config
	hosts := map[string][]string{}
	for _, t := range cfg.Tenants {
		u, err := url.Parse(cfg.AddressOf(t))
		if err != nil {
			return nil, fmt.Errorf("%s.url is not a URL", t.Way())
		}
		hosts[u.Host] = append(hosts[u.Host], t.Title())
	}
	store := ratelimit.NewRedis(p.Redis, cfg.Redis.Prefix)
	limiter, err := p.Limiter(store, nil)
	if err != nil {
		return nil, err
	}
	circuit, err := ratelimit.NewCircuit(store, ratelimit.CircuitOptions{})
	if err != nil {
		return nil, err
	}
	return &waiting.Reader{
		Ledger: p.Ledger, Queue: p.Queue, Limits: holds{limiter, store, circuit, hosts},
		MaxWait: cfg.Packages.MaxWait, Refusals: cfg.Packages.Refusals,
		Enqueue: p.Enqueue(),
		Tenant: func(nip string) (known, paused bool) {
			t, ok := cfg.Tenant(nip)
			return ok, t.Paused
		},
	}, nil
}

// holds reads what the pool's limits hold back.
type holds struct {
	*ratelimit.Limiter
	store   *ratelimit.Redis
	circuit *ratelimit.Circuit
	hosts   map[string][]string // the tenants of each host
}

// Held implements [waiting.Limits].
func (h holds) Held(ctx context.Context, tenants []string) (map[string]waiting.TenantLimits, error) {
	keys := make([]ratelimit.Key, 0, 2*len(tenants))
	for _, t := range tenants {
		keys = append(keys, keyOfCredentials(t), sessions(t))
	}
	usages, err := h.store.Usages(ctx, keys, func(k ratelimit.Key) ratelimit.Limits { return h.Limits(k.Tenant, k.Group) })
	if err != nil {
		return nil, err
	}
	out := make(map[string]waiting.TenantLimits, len(tenants))
	for _, t := range tenants {
		// A key that has booked nothing has the zero usage, which is not held back.
		out[t] = waiting.TenantLimits{Refused: usages[keyOfCredentials(t)].Frozen, Sessions: usages[sessions(t)]}
	}
	return out, nil
}

func sessions(tenant string) ratelimit.Key {
	return ratelimit.Key{Tenant: tenant, Group: string(ksef.GroupBatchSession)}
}

func keyOfCredentials(tenant string) ratelimit.Key {
	return ratelimit.Key{Tenant: tenant, Group: retry.CredentialsGroup}
}

// Open implements [waiting.Limits].
func (h holds) Open(ctx context.Context) ([]ratelimit.OpenCircuit, error) {
	var all []ratelimit.OpenCircuit
	for host, tenants := range h.hosts {
		open, err := h.circuit.Open(ctx, host)
		if err != nil {
			return nil, err
		}
		for _, o := range open {
			if o.Tenant != "" || len(h.hosts) == 1 {
				all = append(all, o)
				continue
			}
			for _, o.Tenant = range tenants { // a host holds back its own tenants alone
				all = append(all, o)
			}
		}
	}
	return all, nil
}
