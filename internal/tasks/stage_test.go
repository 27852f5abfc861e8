package tasks_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crypto/rsa"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// stage runs handlers one by one, in an order that the test chooses: a real Redis, the strict simulator, the real client, and no queue's server. What a handler puts into
// the queue stays there; the test plays the pool.
type stage struct {
	t      *testing.T
	redis  *redisd.Server
	rdb    *redis.Client
	sim    *simulator.Simulator
	url    string
	ledger *ledger.Ledger // the test's own
	queue  *tasks.Queue
	bodies *ledger.Bodies
	store  archive.Store
	ahead  atomic.Int64 // of the clock
	looks  atomic.Int64 // at the clock
	log    logBuffer
	budget tasks.Budget // of workers made from now on
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) says(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), what)
}

func (l *logBuffer) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), what)
}

// redisZ is a member of an index by time.
func redisZ(at time.Time, member string) redis.Z {
	return redis.Z{Score: float64(at.UnixMilli()), Member: member}
}

func newStage(t *testing.T, o simulator.Options) *stage {
	t.Helper()
	s := &stage{t: t, redis: redistest.StartWith(t, redisd.Options{AppendOnly: true, Args: []string{"--appendfsync", "always"}})} // tests kill it
	s.rdb = redistest.Client(t, s.redis)
	o.Profile, o.Dir = simulator.Unlimited, t.TempDir()
	var err error
	if s.sim, err = simulator.New(o); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.sim.Handler())
	t.Cleanup(func() { srv.Close(); s.sim.Close() })
	s.url = srv.URL
	s.budget = noLimits{}
	s.ledger, s.queue = ledger.New(s.rdb, ledger.Options{Now: s.now}), tasks.NewQueue(s.rdb)
	if s.bodies, err = ledger.NewBodies(nil); err != nil {
		t.Fatal(err)
	}
	if s.store, err = archive.Open(t.Context(), "file://"+filepath.Join(t.TempDir(), "archive"), archive.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.store.Close() })
	t.Cleanup(func() {
		if t.Failed() {
			s.log.mu.Lock()
			defer s.log.mu.Unlock()
			t.Logf("log of the workers:\n%s", s.log.b.String())
		}
	})
	return s
}

func (s *stage) now() time.Time {
	s.looks.Add(1)
	return time.Now().Add(time.Duration(s.ahead.Load()))
}

// advance moves the workers' clock and the simulator's.
func (s *stage) advance(d time.Duration) {
	s.ahead.Add(int64(d))
	s.sim.Advance(d)
}

func (s *stage) nip() string { return sample.NIP(0) }

// door is the real client with a public key that is remembered until somebody invalidates it. Between lets a test do something between two steps of a handler.
type door struct {
	*gateway.Client
	keys    *ksef.KeyCache
	between func(step string)
	sent    func(ksef.SentInvoice, error) (ksef.SentInvoice, error) // what the handler is told of a send
	session func(ksef.SessionInfo) ksef.SessionInfo                 // and of a session
	listed  func([]ksef.InvoiceInfo) []ksef.InvoiceInfo             // and of the invoices in it
	upo     func([]byte, error) ([]byte, error)                     // and of its receipt
	given   func([]byte, error) ([]byte, error)                     // and of an invoice by its number
	closing func(ctx context.Context, session string) error         // comes before a close, which an error keeps from being sent
	opening func()                                                  // comes before an online session is opened
	// and of a page of the register
	page func(ksef.MetadataPage, error) (ksef.MetadataPage, error)
}

func (d *door) PublicKey(ctx context.Context) (*rsa.PublicKey, error) { return d.keys.Get(ctx) }
func (d *door) Invalidate()                                           { d.keys.Invalidate() }

func (d *door) SendInvoice(ctx context.Context, r ksef.SendRequest) (ksef.SentInvoice, error) {
	got, err := d.Client.SendInvoice(ctx, r)
	if d.sent != nil {
		return d.sent(got, err)
	}
	return got, err
}

func (d *door) OpenOnline(ctx context.Context, r ksef.OpenOnlineRequest) (ksef.OpenedSession, error) {
	if d.opening != nil {
		d.opening()
	}
	return d.Client.OpenOnline(ctx, r)
}

func (d *door) CloseSession(ctx context.Context, session string, batch bool) error {
	if d.closing != nil {
		if err := d.closing(ctx, session); err != nil {
			return err
		}
	}
	return d.Client.CloseSession(ctx, session, batch)
}

func (d *door) SessionStatus(ctx context.Context, session string) (ksef.SessionInfo, error) {
	got, err := d.Client.SessionStatus(ctx, session)
	if err == nil && d.session != nil {
		got = d.session(got)
	}
	return got, err
}

func (d *door) SessionInvoices(ctx context.Context, session string) ([]ksef.InvoiceInfo, error) {
	got, err := d.Client.SessionInvoices(ctx, session)
	if err == nil && d.listed != nil {
		got = d.listed(got)
	}
	return got, err
}

func (d *door) SessionUPO(ctx context.Context, session string) ([]byte, error) {
	got, err := d.Client.SessionUPO(ctx, session)
	if d.upo != nil {
		return d.upo(got, err)
	}
	return got, err
}

func (d *door) Invoice(ctx context.Context, number string) ([]byte, error) {
	got, err := d.Client.Invoice(ctx, number)
	if d.given != nil {
		return d.given(got, err)
	}
	return got, err
}

func (d *door) Metadata(ctx context.Context, r ksef.MetadataRequest) (ksef.MetadataPage, error) {
	got, err := d.Client.Metadata(ctx, r)
	if d.page != nil {
		return d.page(got, err)
	}
	return got, err
}

func (d *door) InvoiceStatus(ctx context.Context, reference string) (ksef.InvoiceInfo, error) {
	if d.between != nil {
		d.between("InvoiceStatus")
	}
	return d.Client.InvoiceStatus(ctx, reference)
}

func (s *stage) door() *door {
	s.t.Helper()
	transport := gateway.NewTransport()
	s.t.Cleanup(transport.CloseIdleConnections)
	c, err := gateway.New(gateway.Options{BaseURL: s.url, KeyID: "test_id", Key: func() (string, error) { return "test_key", nil }, Timeout: 10 * time.Second, Transport: transport})
	if err != nil {
		s.t.Fatal(err)
	}
	return &door{Client: c, keys: ksef.NewKeyCache(c.PublicKey, 0, nil)}
}

type noLimits struct{}

func (noLimits) Peek(context.Context, string, string) (time.Duration, error) { return 0, nil }
func (noLimits) Join(context.Context, string, string) error                  { return nil }
func (noLimits) Leave(context.Context, string, string) error                 { return nil }
func (noLimits) Pause(context.Context, string, time.Duration) error          { return nil }
func (noLimits) Down(context.Context, string, ...string) (bool, error)       { return false, nil }
func (noLimits) Usage(context.Context, string, string) (ratelimit.Usage, error) {
	return ratelimit.Usage{}, nil
}

// actor is one worker process: its handlers, run by hand.
type actor struct {
	*tasks.Worker
	s   *stage
	mux *asynq.ServeMux
	rdb *redis.Client
}

// worker makes one; d is its way out, tune may change its knobs.
func (s *stage) worker(name string, d *door, tune ...func(*tasks.Options)) *actor {
	s.t.Helper()
	return s.workerWith(name, d, func(*tasks.Parts) {}, tune...)
}

// workerWith makes one of other parts, too.
func (s *stage) workerWith(name string, d *door, parts func(*tasks.Parts), tune ...func(*tasks.Options)) *actor {
	s.t.Helper()
	rdb := redistest.Client(s.t, s.redis)
	o := tasks.Options{
		Worker: name, Environment: "custom", SpoolDir: s.t.TempDir(), PartSize: 1 << 20, ParallelUploads: 2, Refusals: 3,
		MaxWait: time.Millisecond, MaxInvoices: 5000, MaxBytes: 1 << 30, ExpressBelow: 0, ExpressIdle: time.Hour, ExpressMaxAge: 11 * time.Hour, ExpressMaxInvoices: 1000,
		ConfirmFirst: time.Second, ConfirmMax: time.Minute, SweepEvery: time.Hour, Now: s.now, Log: zerolog.New(&s.log).With().Str("worker", name).Logger(),
	}
	for _, f := range tune {
		f(&o)
	}
	p := tasks.Parts{Ledger: ledger.New(rdb, ledger.Options{Now: s.now}), Queue: tasks.NewQueue(rdb), Bodies: s.bodies, Store: s.store, Budget: s.budget,
		Transport: func(string) (tasks.Transport, bool) { return d, true }}
	parts(&p)
	w := tasks.NewWorker(p, o)
	if err := s.ledger.Beat(s.t.Context(), name, time.Hour); err != nil {
		s.t.Fatal(err)
	}
	return &actor{Worker: w, s: s, mux: w.Mux(), rdb: rdb}
}

// run lets one task run; its error is what asynq would get.
func (a *actor) run(k tasks.Kind, id string) error {
	return a.mux.ProcessTask(a.s.t.Context(), asynq.NewTask(string(k), []byte(fmt.Sprintf(`{"v":1,"id":%q}`, id))))
}

// must is run for a task that is to end well.
func (a *actor) must(k tasks.Kind, id string) {
	a.s.t.Helper()
	if err := a.run(k, id); err != nil {
		a.s.t.Fatalf("%s of %s: %v", k, id, err)
	}
}

// until lets a task run again and again until want holds.
func (a *actor) until(k tasks.Kind, id string, want func() bool) {
	a.s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		err := a.run(k, id)
		if want() {
			return
		}
		if time.Now().After(deadline) {
			a.s.t.Fatalf("%s of %s did not come to its end: %v", k, id, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// everybody are tenants named by their NIPs.
func everybody() []tasks.Account {
	var all []tasks.Account
	for i := range 10 {
		all = append(all, tasks.Account{Name: sample.NIP(i), NIP: sample.NIP(i)})
	}
	return all
}

// admit hands one document in and returns its entry.
func (s *stage) admit(lane ledger.Lane, data []byte) ledger.Invoice {
	s.t.Helper()
	a := &tasks.Admitter{Ledger: s.ledger, Queue: s.queue, Bodies: s.bodies, Store: s.store, Accounts: everybody(), Now: s.now}
	out, err := a.Admit(s.t.Context(), []tasks.Document{{File: "a.xml", Data: data}}, tasks.Terms{Lane: lane})
	if err != nil || out[0].Err != nil {
		s.t.Fatalf("admit: %v, %v", err, out[0].Err)
	}
	return out[0].Invoice
}

func (s *stage) good(number string) []byte {
	return sample.Invoice(sample.Options{SellerNIP: s.nip(), Number: number, IssueDate: invoice.Today(time.Now())})
}

func (s *stage) bad(number string) []byte {
	return sample.Bad(sample.MissingTotal, sample.Options{SellerNIP: s.nip(), Number: number, IssueDate: invoice.Today(time.Now())})
}

func (s *stage) read(id string) ledger.Invoice {
	s.t.Helper()
	inv, err := s.ledger.Invoice(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return inv
}

func (s *stage) pkg(id string) ledger.Package {
	s.t.Helper()
	p, err := s.ledger.Package(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// touch changes an entry's revision and nothing else, as any concurrent move does.
func (s *stage) touch(id string) {
	s.t.Helper()
	inv := s.read(id)
	err := s.ledger.Move(s.t.Context(), ledger.Move{ID: id, Rev: inv.Rev, From: []ledger.State{inv.State}, Set: []ledger.Set{{Field: "reference", Value: inv.Reference}}})
	if err != nil {
		s.t.Fatal(err)
	}
}

// cut brings a queued invoice into a package of its own and returns that.
func (a *actor) cut(id string) string {
	a.s.t.Helper()
	a.must(tasks.KindSubmit, id)
	inv := a.s.read(id)
	g := inv.WaitingGroup()
	a.until(tasks.KindCut, g.Name(), func() bool { return a.s.read(id).State == ledger.Packed })
	return a.s.read(id).Package
}

// eventually polls.
func (s *stage) eventually(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain: %s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// hide leaves the invoice of a number out of every list.
func hide(number string) func([]ksef.InvoiceInfo) []ksef.InvoiceInfo {
	return func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo {
		return slices.DeleteFunc(all, func(i ksef.InvoiceInfo) bool { return i.InvoiceNumber == number })
	}
}
