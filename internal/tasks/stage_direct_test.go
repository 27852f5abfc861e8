package tasks_test

import (
	"context"
	"crypto/rsa"
	"io"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/direct"
	"ksefworker/internal/ksef/direct/login"
	"ksefworker/internal/ksef/gateway"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/ministry"
	"ksefworker/internal/tasks"
	"ksefworker/internal/testbed"
)

// directClient is the real client of KSeF's own API, logged in by a token. It remembers KSeF's
// public key until Invalidate is called.
type directClient struct {
	*direct.Client
	keys *ksef.KeyCache

	// These change what the handler is told of the invoices in a session, of the session's receipt,
	// and of a page of the register. A nil function changes nothing.
	listed func([]ksef.InvoiceInfo) []ksef.InvoiceInfo
	upo    func([]byte, error) ([]byte, error)
	page   func(ksef.MetadataPage, error) (ksef.MetadataPage, error)
	upload func() error // called in place of the upload of a part
}

var _ tasks.Transport = (*directClient)(nil)

func (c *directClient) PublicKey(ctx context.Context) (*rsa.PublicKey, error) { return c.keys.Get(ctx) }
func (c *directClient) Invalidate()                                           { c.keys.Invalidate() }

func (c *directClient) SessionInvoices(ctx context.Context, session string) ([]ksef.InvoiceInfo, error) {
	got, err := c.Client.SessionInvoices(ctx, session)
	if err == nil && c.listed != nil {
		got = c.listed(got)
	}
	return got, err
}

func (c *directClient) UploadPart(ctx context.Context, p ksef.PartUpload, open func() (io.ReadCloser, error), size int64) error {
	if c.upload != nil {
		return c.upload()
	}
	return c.Client.UploadPart(ctx, p, open, size)
}

func (c *directClient) SessionUPO(ctx context.Context, session string) ([]byte, error) {
	got, err := c.Client.SessionUPO(ctx, session)
	return told(c.upo, got, err)
}

func (c *directClient) Metadata(ctx context.Context, r ksef.MetadataRequest) (ksef.MetadataPage, error) {
	got, err := c.Client.Metadata(ctx, r)
	return told(c.page, got, err)
}

// newDirectStage does the same as newStage, and also starts the Ministry's API. It returns the
// stage and a client of that API for the first taxpayer.
func newDirectStage(t *testing.T, o simulator.Options) (*stage, *directClient) {
	t.Helper()
	nip := sample.NIP(0)
	s := newStageOf(t, o, &ministry.Options{Tokens: testbed.Tokens(nip)})
	transport := gateway.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	api, err := direct.New(direct.Options{BaseURL: s.directURL, Timeout: 10 * time.Second, Transport: transport, Now: s.now})
	if err != nil {
		t.Fatal(err)
	}
	proof := func() (login.Proof, error) { return login.Token{Token: direct.NewSecret(testbed.Token(nip))}, nil }
	session := login.New(login.Options{Auth: api.Auth(), Credential: proof, NIP: nip, Now: s.now})
	c := &directClient{}
	c.Client = api.Sender(session, func() { c.keys.Invalidate() })
	c.keys = ksef.NewKeyCache(c.Client.PublicKey, 0, nil)
	return s, c
}
