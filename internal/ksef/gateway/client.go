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

// Client speaks with the gateway for one key, and so for one taxpayer. Safe for concurrent use. Its
// methods return *[ksef.APIError] and no other type of error.
type Client struct {
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

// New checks the options and returns a client. All faults are reported at once, joined; each is a
// *[OptionError].
func New(o Options) (*Client, error) {
	base, err := o.check()
	if err != nil {
		return nil, err
	}
	c := &Client{
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
	return c, nil
}

// CloseIdleConnections closes connections that no request uses. The client may be used again
// afterwards.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// String names the client by address and public key id.
func (c *Client) String() string { return "gateway client of " + c.base.Redacted() + " as " + c.keyID }
