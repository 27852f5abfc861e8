package connect

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
	"ksefworker/internal/ratelimit"
)

// Documents asks the gateway to convert invoices from JSON to XML, and from XML to PDF. It never
// sends an invoice to KSeF. It is safe for concurrent use.
type Documents struct {
	pool    *Pool
	limiter *ratelimit.Limiter

	mu      sync.Mutex
	clients map[string]*gateway.Client // by the tenant's name
}

// Documents returns the operations of the gateway on documents. Their requests count towards the
// limits of the whole pool.
func (p *Pool) Documents() (*Documents, error) {
	limiter, err := p.Limiter(ratelimit.NewRedis(p.Redis, p.Config.Redis.Prefix), nil)
	if err != nil {
		return nil, err
	}
	return &Documents{pool: p, limiter: limiter, clients: map[string]*gateway.Client{}}, nil
}

// errNoGateway says that a tenant sends directly to KSeF.
var errNoGateway = errors.New("the tenant does not send over the gateway")

// client returns the client of a tenant, by its name.
func (d *Documents) client(tenant string) (*gateway.Client, error) {
	var of *config.Tenant
	for i, t := range d.pool.Config.Tenants {
		if t.Title() == tenant {
			of = &d.pool.Config.Tenants[i]
		}
	}
	switch {
	case of == nil:
		return nil, fmt.Errorf("no tenant is named %q", tenant)
	case of.Way() != config.GatewayTransport:
		return nil, errNoGateway
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.clients[tenant]; c != nil {
		return c, nil
	}
	c, err := Gateway(d.pool.Config, *of, ClientOptions{Gate: limits{d.limiter, tenant}})
	if err == nil {
		d.clients[tenant] = c
	}
	return c, err
}

// Generate implements [intake.Generator].
func (d *Documents) Generate(ctx context.Context, tenant string, faktura []byte) ([]byte, error) {
	c, err := d.client(tenant)
	if errors.Is(err, errNoGateway) {
		return nil, intake.NoGeneration(tenant)
	}
	if err != nil {
		return nil, intake.GenerationFailed(err)
	}
	doc, err := c.Generate(ctx, faktura)
	if api, ok := errors.AsType[*ksef.APIError](err); ok && api.Kind == ksef.KindRefused {
		return nil, intake.NotGenerated(said(api))
	}
	if n, ok := errors.AsType[*ratelimit.NotNow](err); ok && (n.Reason == ratelimit.ReasonLimit || n.Cause == ratelimit.CauseThrottled) {
		return nil, intake.GenerationLimited(n.Wait, err)
	}
	if api, ok := errors.AsType[*ksef.APIError](err); ok && api.Kind == ksef.KindThrottled {
		return nil, intake.GenerationLimited(api.RetryAfter, err)
	}
	if err != nil {
		return nil, intake.GenerationFailed(err)
	}
	return doc, nil
}

// ErrNoPDF says that a tenant gets no PDF, because the tenant sends directly to KSeF.
var ErrNoPDF = errors.New("the gateway makes the PDF of an invoice, and this tenant sends to KSeF itself")

// RefusedPDFError says that the gateway makes no PDF of a document.
type RefusedPDFError struct{ Why string }

func (e *RefusedPDFError) Error() string { return "the gateway makes no PDF of it: " + e.Why }

// PDF returns a document of an invoice as a PDF file. ksefNumber is "" before KSeF has given one.
// language is pl or en. The error is [ErrNoPDF], a [*RefusedPDFError], or another error when the
// gateway could not make the PDF now.
func (d *Documents) PDF(ctx context.Context, tenant, ksefNumber string, offline bool, document []byte, language string) ([]byte, error) {
	c, err := d.client(tenant)
	if errors.Is(err, errNoGateway) {
		return nil, ErrNoPDF
	}
	if err != nil {
		return nil, err
	}
	pdf, err := c.Visualize(ctx, gateway.VisualizeRequest{Offline: offline, InvoiceKSeFNumber: ksefNumber, InvoiceData: document,
		OutputFormat: gateway.PDF, OutputLanguage: gateway.Language(language)})
	if api, ok := errors.AsType[*ksef.APIError](err); ok && api.Kind == ksef.KindRefused {
		return nil, &RefusedPDFError{said(api)}
	}
	return pdf, err
}

// said returns the gateway's own words about a document, for the sender of the document.
func said(e *ksef.APIError) string {
	s := e.Description
	if e.Details != "" {
		s += ": " + e.Details
	}
	if s == "" {
		s = fmt.Sprintf("HTTP %d", e.Status)
	}
	return s
}

// limits keeps the requests of one tenant within the pool's limits.
type limits struct {
	limiter *ratelimit.Limiter
	tenant  string
}

// Enter implements [ksef.Gate].
func (l limits) Enter(ctx context.Context, group ksef.Group) error {
	return l.limiter.Wait(ctx, l.tenant, string(group.Counter()))
}

// Leave implements [ksef.Gate].
func (l limits) Leave(ctx context.Context, group ksef.Group, o ksef.Outcome) {
	if o.Throttled {
		// The error is dropped, because the request still counts and the next 429 says the same
		// again.
		_, _, _ = l.limiter.Throttled(ctx, l.tenant, string(group.Counter()), o.RetryAfter)
	}
}
