package httponce

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"ksefworker/internal/ksef"
)

// Defaults of [Options].
const (
	DefaultTimeout     = 60 * time.Second
	DefaultMaxResponse = 64 << 20
	DefaultMaxDownload = 6 << 30
)

// Options describe a client. Base, UserAgent, Side and ParseError are required.
type Options struct {
	// Base is the address to which the paths of calls are added; see [ParseBase].
	Base      *url.URL
	UserAgent string
	// Side is what errors call the other side, such as "the gateway".
	Side string
	// ParseError searches a body for the other side's own error. isObject reports whether the whole
	// body is one JSON object.
	ParseError func(raw []byte) (body *ErrorBody, isObject bool)
	// ErrorsInside says that an answer of the expected status may hold the other side's own error.
	ErrorsInside bool
	// Observe is told the status and the header of every answer, except those from pre-signed
	// addresses. If Observe is nil, answers are not reported.
	Observe func(ctx context.Context, op string, status int, header http.Header)

	// Gate is asked before each request and told its outcome. A nil Gate is always open.
	Gate ksef.Gate
	// Timeout is the time for one request, from the gate's opening to the last byte of the answer.
	// Where bytes are streamed, Timeout is instead the longest time in which no byte moves. 0 means
	// DefaultTimeout.
	Timeout time.Duration
	// MaxResponse is the largest answer that is taken into memory, in bytes, after decompression. 0
	// means DefaultMaxResponse.
	MaxResponse int64
	// MaxDownload is the largest answer that is written to a writer, in bytes. 0 means
	// DefaultMaxDownload.
	MaxDownload int64
	// Transport replaces the connection pool that New makes. It must not follow redirects or send a
	// request twice. An *http.Transport, as used here, is suitable.
	Transport http.RoundTripper
	// Now is the clock against which a Retry-After date is read. nil means time.Now.
	Now func() time.Time
}

// Client sends requests, each once. Safe for concurrent use. Its methods return *[ksef.APIError]
// and no other type of error.
type Client struct {
	o       Options
	reports bool // the transport tells how far a request came
}

// New returns a client.
func New(o Options) *Client {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxResponse == 0 {
		o.MaxResponse = DefaultMaxResponse
	}
	if o.MaxDownload == 0 {
		o.MaxDownload = DefaultMaxDownload
	}
	if o.Transport == nil {
		o.Transport = NewTransport()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	_, reports := o.Transport.(*http.Transport)
	return &Client{o: o, reports: reports}
}

// Base returns the address to which the paths of calls are added.
func (c *Client) Base() *url.URL { return c.o.Base }

// CloseIdleConnections closes connections that no request uses. The client may be used again
// afterwards.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.o.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// ParseBase reads the address of a client. It must be absolute, http or https, and without user,
// query and fragment. Errors never quote the address, because it may contain a password.
func ParseBase(raw string) (*url.URL, error) {
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
