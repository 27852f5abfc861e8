package app

import (
	"context"
	"crypto/rsa"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/direct"
	"ksefworker/internal/ksef/direct/login"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/queue"
	"ksefworker/internal/tasks"
)

// sender is a client without the cache of KSeF's public key.
type sender interface {
	tasks.BatchAPI
	tasks.OnlineAPI
	tasks.SessionAPI
	tasks.DocumentAPI
}

// tenantClient is one tenant's client, with a cache of the public key. It is a [tasks.Transport].
type tenantClient struct {
	sender
	keys  *publicKey
	ready func(context.Context) error // logs the tenant in; nil when that is not needed
}

// PublicKey returns KSeF's public key, from memory while it is fresh. PublicKey is called before a
// package is built. So a tenant that cannot log in fails here, and no package is built that could
// not be sent.
func (g tenantClient) PublicKey(ctx context.Context) (*rsa.PublicKey, error) {
	if g.ready != nil {
		if err := g.ready(ctx); err != nil {
			return nil, err
		}
	}
	return g.keys.PublicKey(ctx)
}

// Invalidate forgets the key, in the whole pool.
func (g tenantClient) Invalidate() { g.keys.Invalidate() }

// clients are the tenants' ways to KSeF.
type clients struct {
	transport  *http.Transport // shared by all: one pool of connections
	transports map[string]tasks.Transport
	direct     map[string]connect.Direct // of the tenants with transport direct
	accounts   map[string]direct.Account // of the same tenants
}

// loginsASecond is the maximum number of requests that this process makes in a second to log
// tenants in. KSeF allows 60 from one address, which other processes of the pool may share.
const loginsASecond = 20

// newClients makes a client for each tenant that is not paused by configuration.
func newClients(pool *connect.Pool, l *limits, log zerolog.Logger, count func(ksef.Group, ksef.Outcome)) (*clients, error) {
	c := &clients{
		transport: httponce.NewTransport(), transports: map[string]tasks.Transport{},
		direct: map[string]connect.Direct{}, accounts: map[string]direct.Account{},
	}
	o := connect.ClientOptions{Transport: c.transport, Pace: login.NewPace(loginsASecond)}
	for _, t := range pool.Config.Tenants {
		if t.Paused {
			continue
		}
		o.Gate = &gate{tenant: t.Title(), limits: l, fault: func() error { return l.faults.refuse(t.Title()) }, log: log, count: count,
			keyRefused: func(ctx context.Context, why string) error { return pool.Ledger.NoteKeyRefused(ctx, t.Title(), why) }}
		o.Warn = warner(log, t.Title(), pool.Now)
		if err := c.add(pool, t, l.faults.credentials[t.Title()], o); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *clients) add(pool *connect.Pool, t config.Tenant, credentials *connect.Credentials, o connect.ClientOptions) error {
	keys := func(fetch func(context.Context) (*rsa.PublicKey, error)) *publicKey {
		return newPublicKey(queue.Unbounded(pool.Redis), pool.Config.Redis.Prefix, t.Title(), fetch)
	}
	if t.Way() == config.GatewayTransport {
		client, err := connect.Gateway(pool.Config, t, o)
		if err != nil {
			return err
		}
		c.transports[t.Title()] = tenantClient{sender: client, keys: keys(client.PublicKey)}
		return nil
	}
	way, err := connect.OpenDirect(pool.Config, t, credentials, o)
	if err != nil {
		return err
	}
	var cache *publicKey
	client := way.Sender(way.Session, func() { cache.Invalidate() })
	cache = keys(client.PublicKey)
	c.transports[t.Title()] = tenantClient{sender: client, keys: cache, ready: client.Ready}
	c.direct[t.Title()], c.accounts[t.Title()] = way, client.Account()
	return nil
}

// close ends all logins at the same time, as far as ctx leaves time for it. Errors are ignored,
// because a login ends by itself within days.
func (c *clients) close(ctx context.Context) {
	var all sync.WaitGroup
	for _, way := range c.direct {
		all.Go(func() { _ = way.Close(ctx) })
	}
	all.Wait()
}

// warner logs what KSeF warns of. It logs each kind of warning once an hour for each tenant,
// because every invoice of an export may have the same mistake.
func warner(log zerolog.Logger, tenant string, now func() time.Time) func(context.Context, string, string) {
	warned := newSpells(now)
	return func(_ context.Context, op, warning string) {
		if _, due := warned.goesOn(warningKind(warning)); !due {
			return
		}
		log.Warn().Str("tenant", tenant).Str("request", op).Str("warning", warning).Msg("KSeF warns; the same is told again in an hour")
	}
}

// warningKind returns the code that a warning begins with, as in "[sig-001]: …". All warnings
// without a code are one kind, so that texts with numbers in them cannot fill the memory.
func warningKind(warning string) string {
	code, _, ok := strings.Cut(warning, "]")
	if !ok || !strings.HasPrefix(code, "[") || len(code) > 32 {
		return "other"
	}
	return code
}
