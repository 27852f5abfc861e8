package gateway

import (
	"context"
	"io"
	"net/http"
	"strings"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
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

// Client speaks with the gateway for one key, and so for one taxpayer. It has the operations of
// four parts of the gateway's API. Safe for concurrent use. Its methods return *[ksef.APIError] and
// no other type of error.
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
	c := &connection{keyID: o.KeyID, key: o.Key, http: httponce.New(httponce.Options{
		Base: base, UserAgent: strings.TrimSpace(o.App + " " + clientName + "/" + clientVersion),
		Side: "the gateway", ParseError: parseError, ErrorsInside: true,
		Gate: o.Gate, Timeout: o.Timeout, MaxResponse: o.MaxResponse, MaxDownload: o.MaxDownload, Transport: o.Transport, Now: o.Now,
	})}
	return &Client{c, &SessionAPI{c}, &RegisterAPI{c}, &DocumentAPI{c}, &BoxAPI{c}}, nil
}

// connection is the one way to the network. Every request of a client goes through it.
type connection struct {
	http  *httponce.Client
	keyID string
	key   func() (string, error)
}

// do sends a call with the credentials of this client.
func (c *connection) do(ctx context.Context, k httponce.Call, read func(*httponce.Answer) error) error {
	k.Authorize = c.credentials
	return c.http.Do(ctx, k, read)
}

// download streams an answer of bytes to w.
func (c *connection) download(ctx context.Context, k httponce.Call, w io.Writer) (int64, error) {
	k.Authorize = c.credentials
	return c.http.Download(ctx, k, w)
}

// UploadPart sends the encrypted bytes of a part to its address; see [httponce.Client.UploadPart].
func (s *SessionAPI) UploadPart(ctx context.Context, p ksef.PartUpload, open func() (io.ReadCloser, error), size int64) error {
	return s.http.UploadPart(ctx, p, open, size)
}

// CloseIdleConnections closes connections that no request uses. The client may be used again
// afterwards.
func (c *connection) CloseIdleConnections() { c.http.CloseIdleConnections() }

// String names the client by its address and the id of its key.
func (c *connection) String() string {
	return "gateway client of " + c.http.Base().Redacted() + " as " + c.keyID
}

// NewTransport returns a connection pool that several clients may share; see
// [httponce.NewTransport].
func NewTransport() *http.Transport { return httponce.NewTransport() }
