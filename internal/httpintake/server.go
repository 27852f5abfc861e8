package httpintake

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"

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
	Admitter *intake.Admitter // for all tenants; each client gets a copy for its own tenants
	Ledger   *ledger.Ledger
	Inquiry  *inquiry.Reader
	Actions  *actions.Executor
	Records  *records.Reader
	// ArchiveThere returns an error when the archive of Records is not in its place, for example
	// because its share is not mounted. An invoice that the archive lacks is then not called
	// unknown. nil means that there is no such check.
	ArchiveThere func(context.Context) error
	// Document returns the document of an invoice as long as it is kept for sending. After that,
	// Records finds it in the archive.
	Document func(context.Context, *ledger.Invoice) ([]byte, error)
	// Fit returns why nothing may be taken in at present; nil when all is well. It is called for
	// each submission, each decision and each readiness probe, so it answers from memory.
	Fit func() error
	// Room returns a [*ledger.FullError] when Redis has no memory for new invoices. /readyz shows
	// it and stays ready, because everything else is served. After any other error the server is
	// not ready. nil means that there is no such check.
	Room func(context.Context) error
	// Generator makes XML of invoices that are JSON. If it is nil, such invoices are refused.
	Generator intake.Generator
	PDF       PDF // nil: there is none
	// RecordRefusals puts refused documents on record.
	RecordRefusals bool
	Limits         Limits
	Log            zerolog.Logger
	Trace          *tracing.Tracer // nil: nothing is traced
	Now            func() time.Time
}

// Limits bound what callers can make a server do. Every field but TempDir and BodyPeriod is
// required.
type Limits struct {
	Body       int64 // bytes of one body
	Document   int64 // bytes of one document
	Documents  int   // in one call
	PerSecond  int   // calls of one client; a burst may have twice as many
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
	lost http.Handler // answers calls that no route takes
}

// core is what all handlers share.
type core struct {
	o       Options
	clients *clients
	gates   *gates
	lingers lingers
	docs    *document
}

// The handlers, by what a call is about.
type (
	// bodyReader reads documents out of bodies.
	bodyReader struct {
		*core
		room *semaphore.Weighted // bytes of bodies in memory that need room
	}
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

// New returns a server. It reads the files of keys, and logs which of them cannot be used.
func New(o Options) (*Server, error) {
	if len(o.Clients) == 0 {
		return nil, errors.New("no client may call: name one in intake.clients")
	}
	if o.Limits.BodyPeriod == 0 {
		o.Limits.BodyPeriod = 30 * time.Second
	}
	known := newClients(o)
	docs, err := readDocument()
	if err != nil {
		return nil, err
	}
	co := &core{o: o, clients: known, gates: newGates(o), lingers: newLingers(), docs: docs}
	s := &Server{
		core: co, submissions: &submissions{co, &bodyReader{co, semaphore.NewWeighted(roomInMemory)}},
		listing: &listing{co}, single: &single{co},
		decisions: &decisions{co}, told: newEvents(co), mux: http.NewServeMux(),
	}
	f := &forms{s.single}
	for pattern, h := range map[string]func(*call) error{
		"GET /v1/invoices/{id}/qr.png": f.qr,
		"GET /v1/invoices/{id}/pdf":    f.pdf,

		"POST /v1/invoices":         s.submit,
		"GET /v1/invoices":          s.list,
		oneInvoice:                  s.invoiceOf,
		"GET /v1/invoices/{id}/xml": s.xml,
		"GET /v1/invoices/{id}/upo": s.upo,
		actOnOne:                    s.action,
		"GET /v1/events":            s.told.events,
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
	s.lost = s.anybody("", s.nowhere)
	s.mux.Handle("/", s.lost)
	return s, nil
}

// ServeHTTP implements [http.Handler]. A path such as //v1/invoices is answered as unknown. The
// router of the standard library would answer it with a redirect, which has no problem details and
// loses the body.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !clean(r.URL.Path) {
		s.lost.ServeHTTP(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

func clean(p string) bool { return p != "" && p[0] == '/' && path.Clean(p) == p }

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
	if !s.clients.some() {
		return noKeys
	}
	if s.o.Room != nil {
		err := s.o.Room(c.ctx())
		if full, ok := errors.AsType[*ledger.FullError](err); ok {
			return c.text(http.StatusOK, "ready, but nothing new is taken in: "+full.Error()+"\n")
		}
		if err != nil {
			return notNow(err)
		}
	}
	return c.text(http.StatusOK, "ready\n")
}

// nowhere answers calls that no route takes. When the path exists, the method is at fault.
func (s *Server) nowhere(c *call) error {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		if s.serves(method, c.r) {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return nowhere
	}
	list := strings.Join(allowed, ", ")
	c.w.Header().Set("Allow", list)
	return &problem{kind: methodNotAllowed, detail: text{en: "use " + list, pl: "użyj " + list}}
}

const (
	oneInvoice = "GET /v1/invoices/{id}"
	actOnOne   = "POST /v1/invoices/{action}"
)

// serves reports whether the path of a call has this method.
func (s *Server) serves(method string, r *http.Request) bool {
	if !clean(r.URL.Path) {
		return false
	}
	other := r.Clone(r.Context())
	other.Method = method
	switch _, pattern := s.mux.Handler(other); pattern {
	case "", "/":
		return false
	case oneInvoice:
		return !strings.Contains(r.URL.Path, ":")
	case actOnOne:
		return isAction(r.URL.Path)
	}
	return true
}

func isAction(path string) bool {
	return strings.HasSuffix(path, ":retry") || strings.HasSuffix(path, ":dismiss")
}

// invoiceOf and action share the paths below /v1/invoices. A call with an id alone reads the
// invoice, and a call with a verb after the id acts on it.
func (s *Server) invoiceOf(c *call) error {
	if strings.Contains(c.r.URL.Path, ":") {
		return s.nowhere(c)
	}
	return s.one(c)
}

func (s *Server) action(c *call) error {
	if !isAction(c.r.URL.Path) {
		return s.nowhere(c)
	}
	return s.act(c)
}

var noKeys = &problem{kind: unavailable, after: 5 * time.Second, detail: text{
	en: "no program may call: this server has no file with a key that can be used; its log says why",
	pl: "żaden program nie może wywoływać: ten serwer nie ma pliku z kluczem, którego można użyć; powód jest w jego dzienniku"}}

var nowhere = &problem{kind: notFound, detail: text{
	en: "there is no such address; see /v1/docs", pl: "nie ma takiego adresu; zobacz /v1/docs"}}
