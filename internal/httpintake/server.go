package httpintake

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/actions"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/tracing"
)

// Options are what a server works with. Every field is required unless its comment says otherwise.
type Options struct {
	Clients  []Client
	Admitter *intake.Admitter // its accounts are all tenants; each client gets its own of them
	Ledger   *ledger.Ledger
	Inquiry  *inquiry.Reader
	Actions  *actions.Executor
	Records  *records.Reader
	// Document returns the document of an invoice that is not in the archive under its own name
	// yet.
	Document func(context.Context, *ledger.Invoice) ([]byte, error)
	// Fit returns why nothing may be taken in at present; nil when all is well. It is called for
	// each call that hands in, so it answers from memory.
	Fit func() error
	// Generator makes XML of invoices that are JSON; nil: they are refused with words.
	Generator intake.Generator
	PDF       PDF // nil: there is none
	// RecordRefusals puts refused documents on record.
	RecordRefusals bool
	Limits         Limits
	Log            zerolog.Logger
	Trace          *tracing.Tracer // nil: nothing is traced
	Now            func() time.Time
}

// Limits bound what callers can make a server do. Every field is required.
type Limits struct {
	Body       int64 // bytes of one body
	Document   int64 // bytes of one document
	Documents  int   // in one call
	PerSecond  int   // calls of one client; twice as many at once
	Parallel   int   // calls of one client at the same time
	TempDir    string
	BodyPeriod time.Duration // a body has this long, and a second more for each 64 kB; 0 is 30 seconds
}

// Server answers calls. It is safe for concurrent use.
type Server struct {
	*core
	*submissions
	*listing
	*single
	*decisions
	told *events
	mux  *http.ServeMux
}

// core is what all handlers share.
type core struct {
	o       Options
	clients *clients
	gates   *gates
	docs    *document
}

// The handlers, by what a call is about.
type (
	// bodyReader reads documents out of bodies.
	bodyReader  struct{ *core }
	submissions struct {
		*core
		bodies *bodyReader
	}
	// listing finds invoices.
	listing struct{ *core }
	// single returns one invoice and its documents.
	single struct{ *core }
	// decisions are what a person decides about an invoice.
	decisions struct{ *core }
)

// New returns a server. It reads the files of keys; an error names the file that cannot be used.
func New(o Options) (*Server, error) {
	if len(o.Clients) == 0 {
		return nil, errors.New("no client may call: name one in intake.clients")
	}
	if o.Limits.BodyPeriod == 0 {
		o.Limits.BodyPeriod = 30 * time.Second
	}
	known, err := newClients(o)
	if err != nil {
		return nil, err
	}
	docs, err := readDocument()
	if err != nil {
		return nil, err
	}
	co := &core{o: o, clients: known, gates: newGates(o), docs: docs}
	s := &Server{
		core: co, submissions: &submissions{co, &bodyReader{co}}, listing: &listing{co}, single: &single{co},
		decisions: &decisions{co}, told: newEvents(co), mux: http.NewServeMux(),
	}
	f := &forms{s.single}
	for pattern, h := range map[string]func(*call) error{
		"GET /v1/invoices/{id}/qr.png": f.qr,
		"GET /v1/invoices/{id}/pdf":    f.pdf,

		"POST /v1/invoices":          s.submit,
		"GET /v1/invoices":           s.list,
		"GET /v1/invoices/{id}":      s.one,
		"GET /v1/invoices/{id}/xml":  s.xml,
		"GET /v1/invoices/{id}/upo":  s.upo,
		"POST /v1/invoices/{action}": s.act,
		"GET /v1/events":             s.told.events,
	} {
		s.mux.Handle(pattern, s.known(pattern, h))
	}
	for pattern, h := range map[string]func(*call) error{
		"GET /v1/openapi.yaml": s.openapi,
		"GET /v1/docs":         s.page,
		"GET /healthz":         s.healthy,
		"GET /readyz":          s.ready,
	} {
		s.mux.Handle(pattern, s.anybody(pattern, h))
	}
	s.mux.Handle("/", s.anybody("", s.nowhere))
	return s, nil
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// HTTP returns a server for a listener, with bounds on headers and idle connections. Bodies have
// bounds of their own.
func (s *Server) HTTP() *http.Server {
	h := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10}
	h.RegisterOnShutdown(s.told.end)
	return h
}

func (s *Server) healthy(c *call) error { return c.text(http.StatusOK, "ok\n") }

func (s *Server) ready(c *call) error {
	if err := s.o.Fit(); err != nil {
		return notNow(err)
	}
	return c.text(http.StatusOK, "ready\n")
}

// nowhere answers calls that no route takes. A path that exists is called with another method.
func (s *Server) nowhere(c *call) error {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		other := c.r.Clone(c.r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != "/" && method != c.r.Method {
			c.w.Header().Set("Allow", method)
			return &problem{kind: methodNotAllowed, detail: text{en: "use " + method, pl: "użyj " + method}}
		}
	}
	return nowhere
}

var nowhere = &problem{kind: notFound, detail: text{
	en: "there is no such address; see /v1/docs", pl: "nie ma takiego adresu; zobacz /v1/docs"}}
