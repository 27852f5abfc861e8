package connect

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
	"ksefworker/internal/waiting"
)

// Waiting returns a reader that finds out why invoices wait. The reader writes nothing, so every
// process that shares the pool's Redis may use it. What only one worker can know (about its key
// file, its network, its archive), the reader takes from the errors of tasks.
func (p *Pool) Waiting() (*waiting.Reader, error) {
	cfg := p.Config
	base, err := url.Parse(cfg.BaseURL())
	if err != nil {
		return nil, fmt.Errorf("gateway.url is not a URL")
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
		Ledger: p.Ledger, Queue: p.Queue, Limits: holds{limiter, store, circuit, base.Host},
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
	store   ratelimit.Store
	circuit *ratelimit.Circuit
	host    string
}

// Refused implements [waiting.Limits].
func (h holds) Refused(ctx context.Context, tenant string) (time.Duration, error) {
	u, err := h.store.Usage(ctx, ratelimit.Key{Tenant: tenant, Group: retry.CredentialsGroup}, nil)
	return u.Frozen, err
}

// Open implements [waiting.Limits].
func (h holds) Open(ctx context.Context) ([]ratelimit.OpenCircuit, error) {
	return h.circuit.Open(ctx, h.host)
}
