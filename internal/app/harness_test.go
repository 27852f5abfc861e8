package app_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/connect"
	"ksefworker/internal/intake"
	"ksefworker/internal/redisd"
	"ksefworker/internal/simulator"
	"ksefworker/internal/testbed"
	"ksefworker/internal/testbed/bedtest"
	"ksefworker/internal/tracing"
	"ksefworker/internal/tracing/tracetest"
)

// pool is the whole system on one machine, with a real Redis, the strict simulator, and workers in
// this process.
type pool struct {
	t     *testing.T
	redis *redisd.Server
	sim   *simulator.Simulator
	cfg   config.Config
	base  *connect.Pool
	log   *syncBuffer
	now   func() time.Time // the workers' clock; nil means the machine's clock
	trace *tracing.Tracer  // the workers' tracer; nil means that nothing is traced
}

// syncBuffer is a bytes.Buffer that is safe for concurrent use.
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

// quickSim answers as KSeF does in production, with a short delay.
var quickSim = simulator.Options{Profile: simulator.Production, Delay: 200 * time.Millisecond}

// hasty makes the sweep run early and often.
func hasty(c *config.Config) {
	c.Sweep.Every, c.Sweep.After = time.Second, time.Second
}

// newPool starts Redis and the simulator. The test starts the workers.
func newPool(t *testing.T, tenants int, o simulator.Options, tune func(*config.Config)) *pool {
	t.Helper()
	bed := bedtest.Start(t, testbed.Options{Redis: redisd.Options{AppendOnly: true}, Simulator: o})
	return newPoolOn(t, bed, tenants, tune)
}

// newPoolOn does what newPool does, on a test bed that runs already.
func newPoolOn(t *testing.T, bed *testbed.Bed, tenants int, tune func(*config.Config)) *pool {
	t.Helper()
	p := &pool{t: t, redis: bed.Redis, sim: bed.Simulator, cfg: bed.Config(tenants), log: &syncBuffer{}}
	p.cfg.Worker.ShutdownTimeout = 5 * time.Second
	if tune != nil {
		tune(&p.cfg)
	}
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

// open opens the connections of one more process.
func (p *pool) open() *connect.Pool {
	p.t.Helper()
	cfg := p.cfg
	cfg.Tenants = slices.Clone(cfg.Tenants) // tests change the tenants of p.cfg later
	b, err := connect.Open(p.t.Context(), cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.now != nil {
		app.SetClock(b, p.now)
	}
	b.Trail.Trace = p.trace
	return b
}

// traced makes the workers that are started later, and the test itself, trace to a collector.
func traced(p *pool) *tracetest.Collector {
	p.t.Helper()
	c := tracetest.Start(p.t)
	var err error
	p.trace, err = tracing.Open(p.t.Context(), tracing.Options{
		Environ: c.Environ(), Service: "ksef-worker", Version: "test", Log: zerolog.New(p.log)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.base.Trail = tracing.Trail{Log: zerolog.New(p.log), Trace: p.trace}
	return c
}

// flushed returns all that the collector has received. The workers must have stopped.
func flushed(p *pool, c *tracetest.Collector) string {
	p.t.Helper()
	if err := p.trace.Close(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	if s := p.trace.Stats(); s.Exported == 0 || s.Failed+s.Dropped > 0 || len(c.Refused()) > 0 {
		p.t.Errorf("the exports are %+v, and the collector refused %q, want spans exported and none lost", s, c.Refused())
	}
	return c.Text()
}

// newWorker makes a worker that owns base.
func (p *pool) newWorker(base *connect.Pool) *app.Worker {
	p.t.Helper()
	w, err := app.NewWorker(p.t.Context(), base, zerolog.New(p.log).With().Timestamp().Logger())
	if err != nil {
		p.t.Fatal(err)
	}
	return w
}

// start runs a worker until stop is called or the test ends.
func (p *pool) start(w *app.Worker) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.Run(ctx); err != nil {
			p.t.Errorf("the worker ended with %v, want nil", err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	p.t.Cleanup(stop)
	return stop
}

// work makes and starts a worker.
func (p *pool) work() (stop func()) {
	p.t.Helper()
	_, stop = p.workAt()
	return stop
}

// workAt does what work does, and also returns the address of the worker's pages.
func (p *pool) workAt() (addr string, stop func()) {
	p.t.Helper()
	w := p.newWorker(p.open())
	return w.Addr(), p.start(w)
}

// page returns a page of the worker at addr.
func page(t *testing.T, addr, path string) string {
	t.Helper()
	res, err := http.Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// admit hands documents in and fails the test when one of them is refused.
func (p *pool) admit(terms intake.Terms, docs ...intake.Document) []intake.Admission {
	p.t.Helper()
	a := p.base.Admitter()
	a.Check.Schema = false // some tests need invoices that only KSeF rejects
	out, err := a.Admit(p.t.Context(), docs, terms)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, o := range out {
		if o.Err != nil {
			p.t.Fatalf("%s was refused, want it taken in: %v", o.File, o.Err)
		}
	}
	return out
}

// balanced checks the simulator's books: KSeF accepted n invoices, each once, and no limit was
// exceeded.
func (p *pool) balanced(n int) {
	p.t.Helper()
	for _, err := range testbed.AuditBooks(p.sim.Books()).Balance(n) {
		p.t.Error(err)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
