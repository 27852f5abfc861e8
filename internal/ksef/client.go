package ksef

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The gateway's environments (ksefapi.pl, September 2026).
const (
	TestURL       = "https://ksefapi.pl/api-test"
	ProductionURL = "https://ksefapi.pl/api"
)

// Defaults of [Options].
const (
	DefaultTimeout     = 60 * time.Second
	DefaultMaxResponse = 64 << 20
	DefaultMaxDownload = 6 << 30
)

const (
	clientName    = "ksefworker-client"
	clientVersion = "1.0"
)

// Options describe a client. BaseURL, KeyID and Key are required; the rest has defaults.
type Options struct {
	// BaseURL is TestURL, ProductionURL or an address of one's own: absolute, http or https, without user, query or fragment.
	BaseURL string
	// KeyID is the public half of the credentials: no ':' and no control characters (RFC 7617).
	KeyID string
	// Key returns the secret half. It is asked for each request, after the gate has opened, so that a replaced key file works without a
	// restart. It must be safe for concurrent use. Its error comes back wrapped, of [KindLocal].
	Key func() (string, error)
	// App names the program in the User-Agent, e.g. "erp-bridge/2.1". Empty: only the client names itself.
	App string
	// Gate is asked before each request and told afterwards. Nil: always open.
	Gate Gate
	// Timeout is the time for one request, from the gate's opening to the last byte of the answer. Where bytes are streamed (uploads of parts and
	// of batches, downloads written to a writer) it is the longest time without a byte moving instead. 0: DefaultTimeout.
	Timeout time.Duration
	// MaxResponse is the largest answer that is taken into memory, in bytes, after decompression. 0: DefaultMaxResponse.
	MaxResponse int64
	// MaxDownload is the largest answer that is written to a writer, in bytes. 0: DefaultMaxDownload.
	MaxDownload int64
	// Transport replaces the connection pool that New makes. It must not follow redirects and must not send a request twice; *http.Transport, as
	// used here, does neither.
	Transport http.RoundTripper
	// Now is the clock against which a Retry-After date is read. Nil: time.Now.
	Now func() time.Time
}

// Client speaks with the gateway for one key, which is to say for one taxpayer. Safe for concurrent use. Its methods return *[APIError] and nothing else.
type Client struct {
	base        *url.URL
	keyID       string
	key         func() (string, error)
	userAgent   string
	gate        Gate
	timeout     time.Duration
	maxResponse int64
	maxDownload int64
	transport   http.RoundTripper
	reports     bool // the transport tells how far a request came
	now         func() time.Time
}

// New checks the options and returns a client. All faults are reported at once, joined; each is a *[OptionError].
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

// NewTransport returns the connection pool that New makes when none is given. Several clients may share one.
//
// HTTP/1.1 only: HTTP/2 has replay rules of its own, and one broken connection would make the outcome of every request on it unknown at once.
// Idle connections are dropped after four seconds, before the shortest keep-alive in common use on servers (Apache's five): a request written to a
// connection that the server has just given up ends as "unknown", and an unknown outcome costs far more than a handshake.
func NewTransport() *http.Transport {
	only1 := new(http.Protocols)
	only1.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        4 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		DisableCompression:     true, // parts are sent with exactly their headers, so no Accept-Encoding may be added
		Protocols:              only1,
	}
}

// CloseIdleConnections closes connections that no request uses. The client may be used again afterwards.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// String names the client by address and public key id.
func (c *Client) String() string { return "ksef client of " + c.base.Redacted() + " as " + c.keyID }

// OptionError names the field of Options that is wrong. It never carries a secret.
type OptionError struct {
	Field string
	Err   error
}

func (e *OptionError) Error() string { return "ksef options: " + e.Field + ": " + e.Err.Error() }
func (e *OptionError) Unwrap() error { return e.Err }

func (o Options) check() (*url.URL, error) {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, &OptionError{Field: field, Err: fmt.Errorf(format, args...)})
	}
	base, err := parseBase(o.BaseURL)
	if err != nil {
		fault("BaseURL", "%w", err)
	}
	if err := checkKeyID(o.KeyID); err != nil {
		fault("KeyID", "%w", err)
	}
	if o.Key == nil {
		fault("Key", "is required")
	}
	if hasControl(o.App) {
		fault("App", "has control characters")
	}
	if o.Timeout < 0 {
		fault("Timeout", "%v is negative", o.Timeout)
	}
	if o.MaxResponse < 0 {
		fault("MaxResponse", "%d is negative", o.MaxResponse)
	}
	if o.MaxDownload < 0 {
		fault("MaxDownload", "%d is negative", o.MaxDownload)
	}
	return base, errors.Join(faults...)
}

// parseBase never quotes the address: one with a password in it is among the faults that it reports.
func parseBase(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, errors.New("is required")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, errors.New("must be an absolute http or https URL")
	case u.User != nil:
		return nil, errors.New("must not carry a user or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("must not have a query or fragment")
	}
	return u, nil
}
