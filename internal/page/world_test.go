package page_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"ksefworker/internal/actions"
	"ksefworker/internal/archive"
	"ksefworker/internal/audit"
	"ksefworker/internal/figures"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/page"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/records"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/report"
	"ksefworker/internal/results"
	"ksefworker/internal/results/sinks"
	"ksefworker/internal/waiting"
)

const (
	sellerA = "5210000026"
	sellerB = "5265877635"
)

// world is a page on a Redis and an archive of its own. Its users are anna, an accountant of tenant
// A, adam, an operator of tenant A, and olga, an operator of all tenants.
type world struct {
	t      testing.TB
	rdb    *redis.Client
	ledger *ledger.Ledger
	audit  *audit.Log
	log    *bytes.Buffer
	url    string
	waits  []waiting.Count
}

// slowed refuses the logins of everybody while wait is not 0.
type slowed struct {
	wait   time.Duration
	failed int
}

func (s *slowed) Wait(string) time.Duration { return s.wait }
func (s *slowed) Failed(string)             { s.failed++ }
func (s *slowed) Succeeded(string)          {}

// free is a limiter that freezes nothing. Tenant A has used most of one limit.
type free struct{}

func (free) Usages(context.Context) (map[ratelimit.Key]ratelimit.Usage, error) {
	hour := func(used, limit int) ratelimit.Usage {
		return ratelimit.Usage{Windows: []ratelimit.WindowUsage{
			{Window: ratelimit.Window{Limit: 1, Per: time.Second}, Used: 1},
			{Window: ratelimit.Window{Limit: limit, Per: time.Hour}, Used: used, Left: limit - used}}}
	}
	return map[ratelimit.Key]ratelimit.Usage{
		{Tenant: "A", Group: string(ksef.GroupBatchSession)}: hour(57, 60),
		{Tenant: "A", Group: string(ksef.GroupInvoiceSend)}:  hour(30, 180),
		{Tenant: "B", Group: string(ksef.GroupInvoiceSend)}:  hour(0, 180),
	}, nil
}

func (free) Usage(context.Context, string, string) (ratelimit.Usage, error) {
	return ratelimit.Usage{Windows: []ratelimit.WindowUsage{{Window: ratelimit.Window{Limit: 60, Per: time.Hour}, Used: 50, Left: 10}}}, nil
}

// seal stands for a digest under a password.
func seal(password string) func(string) string {
	return func(text string) string { return password + " " + text }
}

func user(name string, operator bool, tenants ...string) page.User {
	return page.User{Name: name, Tenants: tenants, Operator: operator, Seal: seal("of " + name),
		Check: func(user, password string) bool { return user == name && password == "of "+name }}
}

// newWorld starts a page. change, if it is not nil, changes the page's options.
func newWorld(t testing.TB, change func(*page.Options)) *world {
	t.Helper()
	rdb, _ := redistest.New(t)
	w := &world{t: t, rdb: rdb, ledger: ledger.New(rdb, ledger.Options{Outbox: 1000}), audit: audit.New(rdb, "ksef:"), log: &bytes.Buffer{}}
	store, err := archive.Open(t.Context(), "file://"+t.TempDir(), archive.Options{})
	w.check(err)
	t.Cleanup(func() { _ = store.Close() })
	q := queue.New(rdb)
	reader := &inquiry.Reader{Ledger: w.ledger, Environment: "test"}
	recorder := &audit.Recorder{Log: w.audit, Via: "page"}
	pool := &page.PoolReader{Ledger: w.ledger, Inquiry: reader, Workers: q, Warn: 4 * time.Hour,
		Waits: func(context.Context) ([]waiting.Count, error) { return w.waits, nil }}
	o := page.Options{
		Users:       []page.User{user("anna", false, "A"), user("adam", true, "A"), user("olga", true)},
		Environment: "test", Tenants: []page.Tenant{{Name: "A", NIP: sellerA}, {Name: "B", NIP: sellerB}}, Warn: 4 * time.Hour,
		Tasks: "/monitoring", TraceID: func(of string) string { return "trace of " + of },
		Pool: pool.Read, Inquiry: reader, Ledger: w.ledger, Limits: free{}, Figures: figures.New(rdb, "ksef:"),
		Receivers: []page.Receiver{{Name: "erp", Kind: "webhook"}, {Name: "of-a", Kind: "folder", Tenants: []string{"A"}},
			{Name: "of-b", Kind: "webhook", Tenants: []string{"B"}}},
		Outbox:  w.ledger,
		Resend:  &actions.Receivers{Admin: sinks.Admin{Ledger: w.ledger, Wait: time.Millisecond}, Audit: recorder},
		Records: &records.Reader{Store: store}, Document: w.document,
		Report:  &report.Sources{Archive: &records.Reader{Store: store}, Ledger: w.ledger, Document: w.document},
		Actions: &actions.Executor{Ledger: w.ledger, Queue: q, Inquiry: reader, Audit: recorder},
		Audit:   recorder, Sessions: page.NewSessions(rdb, "ksef:"), Throttle: &slowed{}, Now: time.Now,
		Log: zerolog.New(zerolog.SyncWriter(w.log)),
	}
	if change != nil {
		change(&o)
	}
	server := httptest.NewServer(page.New(o))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func (w *world) document(ctx context.Context, inv *ledger.Invoice) ([]byte, error) {
	return w.ledger.Body(ctx, inv.ID)
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// take takes in a document of a tenant, moves it to a state and returns its id.
func (w *world) take(tenant, seller, number string, to ledger.State, reason string) string {
	w.t.Helper()
	id := w.takeIssued(tenant, seller, number, time.Now().Format(time.DateOnly))
	if to != ledger.Queued {
		w.check(w.ledger.Move(w.t.Context(), ledger.Move{ID: id, To: to, Edit: ledger.Because(450, reason)}))
	}
	return id
}

// takeIssued takes in a document with an issue date (P_1) and returns its id.
func (w *world) takeIssued(tenant, seller, number, issued string) string {
	w.t.Helper()
	sum := sha256.Sum256([]byte(number))
	id := ledger.InvoiceID(ledger.Identity{NIP: seller, Kind: "VAT", Number: number}, sum)
	taken, err := w.ledger.Take(w.t.Context(),
		[]ledger.NewInvoice{{Body: []byte("<Faktura>" + number + "</Faktura>"), Invoice: ledger.Invoice{
			Facts: ledger.Facts{ID: id, Tenant: tenant, NIP: seller, Kind: "VAT", Form: "v3", IssueDate: issued,
				File: number + ".xml", Ref: "ref " + number},
			Number: number, Size: 10, Hash: ledger.HashText(sum),
		}}})
	w.check(err)
	if taken[0].Taken != ledger.Created {
		w.t.Fatalf("%s was handed in and is %s, want it created", number, taken[0].Taken)
	}
	return id
}

func (w *world) refuse(tenant, number string) string {
	w.t.Helper()
	r := ledger.Refusal{ID: ledger.RefusalOfFile(number), Tenant: tenant, File: number + ".xml", Number: number,
		Faults: []ledger.RefusalFault{{Rule: "cannot be read"}}}
	w.check(w.ledger.Refuse(w.t.Context(), []ledger.Refusal{r}))
	return r.ID
}

func (w *world) state(id string) ledger.State {
	w.t.Helper()
	inv, err := w.ledger.Invoice(w.t.Context(), id)
	w.check(err)
	return inv.State
}

// person is a browser.
type person struct {
	*world
	client *http.Client
}

// somebody returns a browser that is not logged in. The browser follows no redirect.
func (w *world) somebody() *person {
	jar, err := cookiejar.New(nil)
	w.check(err)
	return &person{w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// as returns a browser in which the user of this name is logged in.
func (w *world) as(name string) *person {
	w.t.Helper()
	p := w.somebody()
	if status, _, _ := p.post("/login", url.Values{"name": {name}, "password": {"of " + name}}); status != http.StatusSeeOther {
		w.t.Fatalf("the login of %s has status %d, want 303", name, status)
	}
	return p
}

func (p *person) ask(r *http.Request, header ...string) (int, string, http.Header) {
	p.t.Helper()
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := p.client.Do(r)
	p.check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	p.check(err)
	return res.StatusCode, string(body), res.Header
}

func (p *person) get(path string, header ...string) (int, string, http.Header) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.url+path, nil)
	p.check(err)
	return p.ask(r, header...)
}

func (p *person) post(path string, form url.Values, header ...string) (int, string, http.Header) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+path, strings.NewReader(form.Encode()))
	p.check(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.ask(r, header...)
}

// pdfOf returns a [page.PDF] that makes a PDF of every document. It adds each request to asked.
func pdfOf(asked *[]string) page.PDF {
	return func(_ context.Context, _ *results.Result, offline bool, doc []byte, l page.Language) ([]byte, error) {
		*asked = append(*asked, fmt.Sprintf("%s %s offline %v", l, doc, offline))
		return []byte("%PDF-1.4"), nil
	}
}
