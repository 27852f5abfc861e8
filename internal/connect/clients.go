package connect

import (
	"context"
	"fmt"
	"net/http"

	"ksefworker/config"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/direct"
	"ksefworker/internal/ksef/direct/login"
	"ksefworker/internal/ksef/gateway"
)

// ClientOptions are what the clients of a process share, and the gate of one tenant.
type ClientOptions struct {
	Gate      ksef.Gate       // nil: always open
	Transport *http.Transport // shared by all tenants; nil: the client makes its own
	Pace      *login.Pace     // shared by all logins of the process; nil: none
	// Warn gets the warnings of KSeF; nil drops them.
	Warn func(ctx context.Context, op, warning string)
}

// Gateway makes the client of a tenant with transport gateway.
func Gateway(cfg config.Config, t config.Tenant, o ClientOptions) (*gateway.Client, error) {
	c, err := gateway.New(gateway.Options{
		BaseURL: cfg.GatewayURL(), KeyID: t.KeyID, Key: t.Key, App: cfg.Gateway.UserAgent,
		Timeout: cfg.Gateway.Timeout, Transport: roundTripper(o.Transport), Gate: o.Gate,
	})
	if err != nil {
		return nil, fmt.Errorf("tenant %s: %w", t.Title(), err)
	}
	return c, nil
}

// Direct is the client of KSeF's own API for one tenant, and the tenant's login. Close it when
// nothing uses it any more.
type Direct struct {
	*direct.API
	Session *login.Session
}

// OpenDirect makes the client of a tenant with transport direct. It sends nothing, because the
// login comes with the first request that needs it.
func OpenDirect(cfg config.Config, t config.Tenant, c *Credentials, o ClientOptions) (Direct, error) {
	api, err := direct.New(direct.Options{
		BaseURL: cfg.DirectURL(), App: cfg.Gateway.UserAgent, Timeout: cfg.Gateway.Timeout,
		Transport: roundTripper(o.Transport), Gate: o.Gate, Warn: o.Warn,
	})
	if err != nil {
		return Direct{}, fmt.Errorf("tenant %s: %w", t.Title(), err)
	}
	session := login.New(login.Options{Auth: api.Auth(), Credential: c.Proof, NIP: t.NIP, Pace: o.Pace})
	return Direct{API: api, Session: session}, nil
}

// Close ends the login at KSeF, if ctx leaves time for it.
func (d Direct) Close(ctx context.Context) error { return d.Session.Close(ctx) }

// roundTripper returns nil for a nil pointer, which would otherwise become an interface value that
// is not nil.
func roundTripper(t *http.Transport) http.RoundTripper {
	if t == nil {
		return nil
	}
	return t
}
