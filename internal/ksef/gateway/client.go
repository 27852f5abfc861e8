package gateway

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"ksefworker/internal/ksef"
)

// The gateway's environments (ksefapi.pl, September 2026).
const (
	TestURL       = "https://ksefapi.pl/api-test"
	ProductionURL = "https://ksefapi.pl/api"
)

const (
	clientName    = "ksefworker-client"
	clientVersion = "1.0"
)

// Client speaks with the gateway for one key, and so for one taxpayer. It has the operations of four
// parts of the gateway's API. Safe for concurrent use. Its methods return *[ksef.APIError] and no
// other type of error.
type Client struct {
	*connection
	*SessionAPI
	*RegisterAPI
	*DocumentAPI
	*BoxAPI
}

// SessionAPI opens sessions, sends invoices into them and tells what became of them.
type SessionAPI struct{ *connection }

// RegisterAPI reads what KSeF has.
type RegisterAPI struct{ *connection }

// DocumentAPI makes, checks and shows documents; nothing of it reaches KSeF.
type DocumentAPI struct{ *connection }

// BoxAPI hands invoices to the gateway, which sends them by itself.
type BoxAPI struct{ *connection }

// New checks the options and returns a client. All faults are reported at once, joined; each is a
// *[OptionError].
func New(o Options) (*Client, error) {
	base, err := o.check()
	if err != nil {
		return nil, err
	}
	c := newConnection(base, o)
	return &Client{c, &SessionAPI{c}, &RegisterAPI{c}, &DocumentAPI{c}, &BoxAPI{c}}, nil
}

// connection is the one way to the network: every request of a client goes through it.
type connection struct {
	base        *url.URL
	keyID       string
	key         func() (string, error)
	userAgent   string
	gate        ksef.Gate
	timeout     time.Duration
	maxResponse int64
	maxDownload int64
	transport   http.RoundTripper
	reports     bool // the transport tells how far a request came
	now         func() time.Time
}

func newConnection(base *url.URL, o Options) *connection {
	c := &connection{
		base:        base,
		keyID:       o.KeyID,
		key:         o.Key,
		userAgent:   strings.TrimSpace(o.App + " " + clientName + "/" + clientVersion),
		gate:        o.Gate,
		timeout:     o.Timeout,
		maxResponse: o.MaxResponse,
		maxDownload: o.MaxDownload,
		transport:   o.Transport,
		now:         o.Now,
	}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	if c.maxResponse == 0 {
		c.maxResponse = DefaultMaxResponse
	}
	if c.maxDownload == 0 {
		c.maxDownload = DefaultMaxDownload
	}
	if c.transport == nil {
		c.transport = NewTransport()
	}
	_, c.reports = c.transport.(*http.Transport)
	if c.now == nil {
		c.now = time.Now
	}
	return c
}

// CloseIdleConnections closes connections that no request uses. The client may be used again
// afterwards.
func (c *connection) CloseIdleConnections() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// String names the client by address and public key id.
func (c *connection) String() string {
	return "gateway client of " + c.base.Redacted() + " as " + c.keyID
}
