package app_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/connect"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// pool is the whole way on one machine: a real Redis, the strict simulator, and workers in this process.
type pool struct {
	t     *testing.T
	redis *redisd.Server
	sim   *simulator.Simulator
	cfg   config.Config
	base  *connect.Pool
	log   *syncBuffer
	now   func() time.Time // of the workers; nil is the machine's clock
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// newPool starts Redis and the simulator; workers are started by the test.
func newPool(t *testing.T, tenants int, o simulator.Options, tune func(*config.Config)) *pool {
	t.Helper()
	p := &pool{t: t, redis: redistest.StartWith(t, redisd.Options{AppendOnly: true}), log: &syncBuffer{}}
	o.Dir = t.TempDir()
	var err error
	if p.sim, err = simulator.New(o); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(p.sim.Handler())
	t.Cleanup(func() { srv.Close(); p.sim.Close() })
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("test_key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Environment, cfg.Gateway.URL, cfg.Redis.URL = config.Custom, srv.URL, p.redis.URL()
	for i := range tenants {
		nip := sample.NIP(i)
		cfg.Tenants = append(cfg.Tenants, config.Tenant{NIP: nip, KeyID: "test_" + nip, KeyFile: key})
	}
	cfg.Archive.URL = "file://" + filepath.Join(dir, "archive")
	cfg.Packages.SpoolDir = filepath.Join(dir, "spool")
	cfg.Packages.MaxWait, cfg.Packages.Quiet = time.Second, 300*time.Millisecond
	cfg.Express.Idle = time.Second
	cfg.Confirm.First, cfg.Confirm.Max = 200*time.Millisecond, 2*time.Second
	cfg.HTTP.Addr = "127.0.0.1:0"
	cfg.Worker.ShutdownTimeout = 5 * time.Second
	if tune != nil {
		tune(&cfg)
	}
	p.cfg = cfg
	p.base = p.open()
	t.Cleanup(func() { p.base.Close() })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the workers:\n%s", tail(p.log.String(), 8000))
		}
	})
	return p
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

func (p *pool) open() *connect.Pool {
	p.t.Helper()
	cfg := p.cfg
	cfg.Tenants = slices.Clone(cfg.Tenants) // tests go on to change their own
	b, err := connect.Open(p.t.Context(), cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.now != nil {
		app.SetClock(b, p.now)
	}
	return b
}

// work starts a worker and returns what stops it; the test's end stops it too.
func (p *pool) work() (stop func()) {
	p.t.Helper()
	_, stop = p.workAt()
	return stop
}

// workAt tells the address of the HTTP endpoints as well.
func (p *pool) workAt() (addr string, stop func()) {
	p.t.Helper()
	w, err := app.NewWorker(p.t.Context(), p.open(), zerolog.New(p.log).With().Timestamp().Logger())
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.Run(ctx); err != nil {
			p.t.Errorf("worker: %v", err)
		}
	}()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); <-done }) }
	p.t.Cleanup(stop)
	return w.Addr(), stop
}

// admit hands documents in and fails the test when one is not taken.
func (p *pool) admit(terms tasks.Terms, docs ...tasks.Document) []tasks.Admission {
	p.t.Helper()
	a, err := p.base.Admitter()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := a.Admit(p.t.Context(), docs, terms)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, o := range out {
		if o.Err != nil {
			p.t.Fatalf("%s refused: %v", o.File, o.Err)
		}
	}
	return out
}

// good makes n sound documents of a seller, dated today.
func good(nip string, n int) []tasks.Document {
	var docs []tasks.Document
	for name, data := range sample.Invoices(nip, n, invoice.Today(time.Now())) {
		docs = append(docs, tasks.Document{File: name, Data: data})
	}
	return docs
}

// wait polls the ledger until every invoice in it is in one of the states, or fails the test, and reads those that were admitted.
func (p *pool) wait(within time.Duration, admissions []tasks.Admission, states ...ledger.State) []ledger.Invoice {
	p.t.Helper()
	ids := make([]string, len(admissions))
	for i, a := range admissions {
		ids[i] = a.Invoice.ID
	}
	deadline := time.Now().Add(within)
	for {
		counts, err := p.base.Ledger.Counts(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		moving := int64(0)
		for s, n := range counts {
			if !slices.Contains(states, ledger.State(s)) {
				moving += n
			}
		}
		if moving == 0 {
			break
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("after %v the invoices are %v, want all in %v", within, counts, states)
		}
		<-time.After(50 * time.Millisecond)
	}
	invs, err := p.base.Ledger.Invoices(p.t.Context(), ids)
	if err != nil {
		p.t.Fatal(err)
	}
	if len(invs) != len(ids) {
		p.t.Fatalf("the ledger knows %d of %d invoices", len(invs), len(ids))
	}
	return invs
}

// balanced holds the simulator's books: every one of n invoices accepted exactly once, and no limit overrun.
func (p *pool) balanced(n int) {
	p.t.Helper()
	books := p.sim.Books()
	for _, v := range books.Violations {
		// A 429 that the test itself ordered finds other requests under way, which nobody can call back.
		if v.Window != "block" || books.Faults[simulator.TooMany] == 0 {
			p.t.Errorf("limit overrun: %+v", v)
		}
	}
	seen := map[string]string{}
	for _, a := range books.Accepted {
		key := fmt.Sprint(a.NIP, "|", a.Kind, "|", a.Number)
		if before, twice := seen[key]; twice {
			p.t.Errorf("%s accepted twice: %s and %s", key, before, a.KsefNumber)
		}
		seen[key] = a.KsefNumber
	}
	if len(books.Accepted) != n {
		p.t.Errorf("KSeF accepted %d invoices, want %d", len(books.Accepted), n)
	}
}
