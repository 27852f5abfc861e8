package tasks_test

import (
	"context"
	"crypto/rsa"
	"slices"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
	"ksefworker/internal/testbed"
)

// testClient is the real client of the gateway. It remembers KSeF's public key until Invalidate is
// called. A test sets the functions of the client to change what the handlers are told, or to act
// between two steps of a handler. A nil function changes nothing.
type testClient struct {
	*gateway.Client
	keys *ksef.KeyCache

	// These change what the handler is told of a send, a session, the invoices in the session, the
	// session's receipt, an invoice that is fetched by its number, and a page of the register.
	sent    func(ksef.SentInvoice, error) (ksef.SentInvoice, error)
	session func(ksef.SessionInfo) ksef.SessionInfo
	listed  func([]ksef.InvoiceInfo) []ksef.InvoiceInfo
	upo     func([]byte, error) ([]byte, error)
	given   func([]byte, error) ([]byte, error)
	page    func(ksef.MetadataPage, error) (ksef.MetadataPage, error)

	opening     func()                                          // called before an online session is opened
	closing     func(ctx context.Context, session string) error // called before a close; its error fails the close
	beforeAsked func()                                          // called before the status of an invoice is asked
}

// client returns a client with the simulator's default key, which is good for any seller.
func (cl *clients) client() *testClient {
	cl.t.Helper()
	return cl.connect("test_id", nil)
}

// clientOf returns a client with the key of a taxpayer.
func (cl *clients) clientOf(nip string) *testClient {
	cl.t.Helper()
	return cl.connect("test_"+nip, nil)
}

// clientWithOldKey returns a client that has cached the public key from before a rotation.
func (cl *clients) clientWithOldKey() *testClient {
	cl.t.Helper()
	client := cl.client()
	if _, err := client.PublicKey(cl.t.Context()); err != nil {
		cl.t.Fatal(err)
	}
	if err := cl.sim.RotateKey(); err != nil {
		cl.t.Fatal(err)
	}
	return client
}

func (cl *clients) connect(keyID string, gate ksef.Gate) *testClient {
	cl.t.Helper()
	transport := gateway.NewTransport()
	cl.t.Cleanup(transport.CloseIdleConnections)
	c, err := gateway.New(gateway.Options{
		BaseURL: cl.url, KeyID: keyID, Key: func() (string, error) { return testbed.Key, nil },
		Gate: gate, Timeout: 10 * time.Second, Transport: transport,
	})
	if err != nil {
		cl.t.Fatal(err)
	}
	return &testClient{Client: c, keys: ksef.NewKeyCache(c.PublicKey, 0, nil)}
}

func (c *testClient) PublicKey(ctx context.Context) (*rsa.PublicKey, error) { return c.keys.Get(ctx) }
func (c *testClient) Invalidate()                                           { c.keys.Invalidate() }

func (c *testClient) SendInvoice(ctx context.Context, r ksef.SendRequest) (ksef.SentInvoice, error) {
	got, err := c.Client.SendInvoice(ctx, r)
	return told(c.sent, got, err)
}

func (c *testClient) OpenOnline(ctx context.Context, r ksef.OpenOnlineRequest) (ksef.OpenedSession, error) {
	if c.opening != nil {
		c.opening()
	}
	return c.Client.OpenOnline(ctx, r)
}

func (c *testClient) CloseSession(ctx context.Context, session string, batch bool) error {
	if c.closing != nil {
		if err := c.closing(ctx, session); err != nil {
			return err
		}
	}
	return c.Client.CloseSession(ctx, session, batch)
}

func (c *testClient) SessionStatus(ctx context.Context, session string) (ksef.SessionInfo, error) {
	got, err := c.Client.SessionStatus(ctx, session)
	if err == nil && c.session != nil {
		got = c.session(got)
	}
	return got, err
}

func (c *testClient) SessionInvoices(ctx context.Context, session string) ([]ksef.InvoiceInfo, error) {
	got, err := c.Client.SessionInvoices(ctx, session)
	if err == nil && c.listed != nil {
		got = c.listed(got)
	}
	return got, err
}

func (c *testClient) SessionUPO(ctx context.Context, session string) ([]byte, error) {
	got, err := c.Client.SessionUPO(ctx, session)
	return told(c.upo, got, err)
}

func (c *testClient) Invoice(ctx context.Context, number string) ([]byte, error) {
	got, err := c.Client.Invoice(ctx, number)
	return told(c.given, got, err)
}

func (c *testClient) Metadata(ctx context.Context, r ksef.MetadataRequest) (ksef.MetadataPage, error) {
	got, err := c.Client.Metadata(ctx, r)
	return told(c.page, got, err)
}

func (c *testClient) InvoiceStatus(ctx context.Context, reference string) (ksef.InvoiceInfo, error) {
	if c.beforeAsked != nil {
		c.beforeAsked()
	}
	return c.Client.InvoiceStatus(ctx, reference)
}

// told applies the function change, if it is not nil, to an answer.
func told[T any](change func(T, error) (T, error), got T, err error) (T, error) {
	if change == nil {
		return got, err
	}
	return change(got, err)
}

// hide leaves the invoice with this number out of every list.
func hide(number string) func([]ksef.InvoiceInfo) []ksef.InvoiceInfo {
	return func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo {
		return slices.DeleteFunc(all, func(i ksef.InvoiceInfo) bool { return i.InvoiceNumber == number })
	}
}

// change lets f change each invoice in every list.
func change(f func(*ksef.InvoiceInfo)) func([]ksef.InvoiceInfo) []ksef.InvoiceInfo {
	return func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo {
		for i := range all {
			f(&all[i])
		}
		return all
	}
}

// nothingListed makes every list empty.
func nothingListed([]ksef.InvoiceInfo) []ksef.InvoiceInfo { return []ksef.InvoiceInfo{} }

// noList makes every list nil, as when it is missing in an answer.
func noList([]ksef.InvoiceInfo) []ksef.InvoiceInfo { return nil }

// noPages makes the register answer that it has no invoice.
func noPages(ksef.MetadataPage, error) (ksef.MetadataPage, error) { return ksef.MetadataPage{}, nil }

// answerLost loses the answer to a send that was carried out.
func answerLost(ksef.SentInvoice, error) (ksef.SentInvoice, error) {
	return ksef.SentInvoice{}, &ksef.APIError{Op: "send invoice", Kind: ksef.KindNetwork, MaybeDone: true}
}

// notGiven refuses requests for receipts or documents.
func notGiven([]byte, error) ([]byte, error) { return nil, refusedError("fetch session UPO") }

// notAvailable answers 503 to requests for receipts.
func notAvailable([]byte, error) ([]byte, error) { return nil, unavailableError("fetch session UPO") }
