package page

import (
	"context"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/actions"
	"ksefworker/internal/audit"
	"ksefworker/internal/figures"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/records"
	"ksefworker/internal/report"
	"ksefworker/internal/results"
)

// Options are what a page works with. Every field is required unless its comment says otherwise.
type Options struct {
	// Users may log in. Without Users and SignIn, the page asks for no login, and everybody who
	// reaches it is an operator who sees all. In that case the caller must serve the page on a
	// loopback address only.
	Users []User
	// SignIn lets people who are not in Users log in at a provider; nil: nobody.
	SignIn      *SignIn
	ReadOnly    bool   // nobody may act
	Secure      bool   // browsers use https
	Public      string // scheme and host of the page as browsers know them; "": what browsers say
	Tasks       string // path of the queue's dashboard; "" where there is none
	Environment string // as [results.Of] takes it
	Tenants     []Tenant
	// Strangers returns the tenants whose name means another taxpayer in the ledger. It is called
	// for each request. nil means that there are none.
	Strangers func(context.Context) []Stranger
	Warn      time.Duration // a deadline that is nearer than this is at risk
	Retention time.Duration // how long the ledger keeps ended entries; 0: for ever

	Pool     func(context.Context) (*Pool, error) // [PoolReader.Read], kept for some seconds
	Inquiry  Inquiry
	Ledger   Ledger
	Limits   Limits
	Figures  Figures
	Records  Records
	Document func(context.Context, *ledger.Invoice) ([]byte, error) // of an invoice that is not in the archive yet
	PDF      PDF                                                    // nil: there is none
	TraceID  func(object string) string                             // of an invoice or a package, in log and traces
	Report   *report.Sources
	Actions  Actions

	Receivers []Receiver // of results; may be empty
	Outbox    Outbox
	Resend    Receivers

	Audit    *audit.Recorder
	Sessions *Sessions
	Throttle Throttle
	Log      zerolog.Logger
	Now      func() time.Time
}

// Tenant is one taxpayer of the configuration.
type Tenant struct {
	Name, NIP string
	Paused    bool // by the configuration
	PDF       bool // somebody makes PDFs of its invoices
}

// Inquiry answers questions about invoices. [inquiry.Reader] implements it.
type Inquiry interface {
	Find(ctx context.Context, name string, tenants ...string) ([]ledger.Invoice, error)
	FindRef(ctx context.Context, ref string, tenants ...string) ([]ledger.Invoice, error)
	Latest(ctx context.Context, w inquiry.Window) (inquiry.Found, error)
	Results(ctx context.Context, invs []ledger.Invoice) ([]results.Result, error)
}

// Ledger is the part of [ledger.Ledger] that is read again for each page.
type Ledger interface {
	Named(ctx context.Context, id string) (ledger.Invoice, error)
	Package(ctx context.Context, id string) (ledger.Package, error)
	NewestOf(ctx context.Context, invs []ledger.Invoice) (map[string]ledger.Newest, error)
	CountRefusals(ctx context.Context) (map[string]int64, error)
	Clock(ctx context.Context) (time.Time, error)
	SeenOf(ctx context.Context, items ...ledger.OpenName) ([]ledger.Seen, error)
	OpenRefusalsOf(ctx context.Context, tenant string, skip, limit int) ([]ledger.Refusal, error)
}

// Limits tells what is left of the limits of a tenant.
type Limits interface {
	Usage(ctx context.Context, tenant, group string) (ratelimit.Usage, error)
	// Usages is the use of all groups of all tenants. Groups that nobody has used lately are left
	// out.
	Usages(ctx context.Context) (map[ratelimit.Key]ratelimit.Usage, error)
}

// Figures are the counts of hours and days. [figures.Store] implements them.
type Figures interface {
	LastHours(ctx context.Context, now time.Time, n int, tenants ...string) ([]figures.Figures, error)
	LastDays(ctx context.Context, now time.Time, n int, tenants ...string) ([]figures.Figures, error)
	Today(ctx context.Context, now time.Time, tenants []string) (map[string]figures.Figures, error)
}

// Records reads the archive. [records.Reader] implements it.
type Records interface {
	Find(ctx context.Context, name string) ([]results.Result, error)
	Document(ctx context.Context, of results.Result) ([]byte, error)
	ReceiptOf(ctx context.Context, of results.Result) (records.Receipt, error)
}

// Actions does what people decide. [actions.Executor] implements it.
type Actions interface {
	Retry(ctx context.Context, inv *ledger.Invoice, by string) error
	Dismiss(ctx context.Context, inv *ledger.Invoice, by ledger.Dismissal) error
	DismissRefusal(ctx context.Context, r *ledger.Refusal, by ledger.Dismissal) error
	MarkSeen(ctx context.Context, item ledger.OpenName, tenant, by string, seen bool) error
}

var (
	_ Inquiry = (*inquiry.Reader)(nil)
	_ Ledger  = (*ledger.Ledger)(nil)
	_ Figures = (*figures.Store)(nil)
	_ Records = (*records.Reader)(nil)
	_ Actions = (*actions.Executor)(nil)
)

// Throttle slows down logins from an address from which passwords are guessed.
type Throttle interface {
	Wait(from string) time.Duration // how long logins stay refused; 0 or less: allowed
	Failed(from string)
	Succeeded(from string)
}

// Page is the business page. Safe for concurrent use.
type Page struct {
	o       Options
	handler http.Handler
	reports chan struct{} // full while a report is made
	search  chan struct{} // full while the archive is searched
	exports chan struct{} // full while maxExports lists are exported
}

// policy lets the page use its own style sheet and script, and no other host.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// New returns a page.
func New(o Options) *Page {
	p := &Page{o: o, reports: make(chan struct{}, 1), search: make(chan struct{}, 1),
		exports: make(chan struct{}, maxExports)}
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(*handlers) error{
		"GET /{$}":                     (*handlers).overview,
		"GET /tenants/{name}":          (*handlers).tenant,
		"GET /invoices":                (*handlers).invoices,
		"GET /invoices/{id}":           (*handlers).invoice,
		"GET /invoices/{id}/xml":       (*handlers).xml,
		"GET /invoices/{id}/upo":       (*handlers).upo,
		"GET /invoices/{id}/qr.png":    (*handlers).qr,
		"GET /invoices/{id}/pdf":       (*handlers).pdf,
		"GET /invoices/{id}/form":      (*handlers).form,
		"POST /invoices/{id}/{action}": (*handlers).actOnOne,
		"GET /open":                    (*handlers).open,
		"POST /open":                   (*handlers).actOnMany,
		"GET /days":                    (*handlers).days,
		"GET /days/report":             (*handlers).report,
		"GET /deliveries":              func(h *handlers) error { return h.deliveries.all() },
		"GET /deliveries/{name}":       func(h *handlers) error { return h.deliveries.one() },
		"POST /deliveries/{name}":      func(h *handlers) error { return h.deliveries.act() },
		"GET /audit":                   (*handlers).auditLog,
		"POST /logout":                 (*handlers).logout,
		"/":                            (*handlers).nowhere,
	} {
		mux.Handle(pattern, p.restricted(maxVisit, h))
	}
	for _, form := range []string{"csv", "xlsx"} {
		mux.Handle("GET /open."+form, p.restricted(maxExportTime, (*handlers).openTable))
		mux.Handle("GET /invoices."+form, p.restricted(maxExportTime, (*handlers).invoicesTable))
	}
	mux.Handle("GET /login", p.anybody(maxVisit, (*handlers).loginForm))
	mux.Handle("POST /login", p.anybody(maxVisit, (*handlers).login))
	mux.Handle("GET /login/oidc", p.anybody(maxVisit, (*handlers).leave))
	mux.Handle("GET "+ReturnPath, p.anybody(maxVisit, (*handlers).comeBack))
	mux.Handle("GET /assets/{file}", http.HandlerFunc(asset))
	// A form on another site must not act with a person's session.
	protection := http.NewCrossOriginProtection()
	if o.Public != "" {
		_ = protection.AddTrustedOrigin(o.Public) // no browser sends an invalid origin, so the error does not matter
	}
	p.handler = protection.Handler(mux)
	return p
}

// ServeHTTP implements [http.Handler].
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	p.handler.ServeHTTP(w, r)
}
