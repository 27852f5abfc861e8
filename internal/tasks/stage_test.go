package tasks_test

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/archive"
	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/ministry"
	"ksefworker/internal/tasks"
	"ksefworker/internal/testbed"
	"ksefworker/internal/testbed/bedtest"
)

// stage runs handlers one by one, in an order that the test chooses. It has a real Redis, the
// strict simulator and the real client. It has no server of the queue, so what a handler puts into
// the queue stays there.
type stage struct {
	*bed
	*samples
	*entries
	*clients
	*failures
	*paths
}

// bed has what the workers of a test use, such as Redis and the simulator. It also has what the
// test itself uses to look at the workers' effects.
type bed struct {
	t          *testing.T
	redis      *redisd.Server
	rdb        *redis.Client
	sim        *simulator.Simulator
	url        string
	directURL  string         // "" unless newStageOf started the Ministry's API
	ledger     *ledger.Ledger // the test's own
	queue      *queue.Queue
	bodies     *ledger.Bodies
	store      archive.Store
	ahead      atomic.Int64 // nanoseconds by which the clock of the workers is ahead of the real time
	day        string       // on which the test begins, in Warsaw: P_1 of the documents
	clockReads atomic.Int64
	log        logBuffer
	budget     tasks.Budget // of workers that are made later
}

// The parts of a stage.
type (
	// samples makes documents.
	samples struct{ *bed }
	// entries hands documents in and reads what the ledger has of them.
	entries struct {
		*bed
		samples *samples
	}
	// clients talks to the simulator.
	clients struct{ *bed }
	// failures breaks what the workers need.
	failures struct {
		*bed
		entries *entries
	}
	// paths leads workers through the path of an invoice.
	paths struct {
		*bed
		samples  *samples
		entries  *entries
		clients  *clients
		failures *failures
	}
)

func newParts(b *bed) *stage {
	s := &stage{bed: b, samples: &samples{b}, clients: &clients{b}}
	s.entries = &entries{b, s.samples}
	s.failures = &failures{b, s.entries}
	s.paths = &paths{b, s.samples, s.entries, s.clients, s.failures}
	return s
}

// logBuffer keeps the log of the workers.
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

// newStage starts what the workers need. A worker is made by [stage.worker]. On the stage's clock,
// a test begins at the next quarter past ten in Warsaw, because its outcome must not depend on when
// it runs. In the last hour of a day, sessions are kept for midnight, and in the last five minutes
// sets are cut only at a few moments.
func newStage(t *testing.T, o simulator.Options) *stage {
	t.Helper()
	return newStageOf(t, o, nil)
}

// newStageOf does the same as newStage. The argument direct configures the Ministry's API; nil
// means that there is none.
func newStageOf(t *testing.T, o simulator.Options, direct *ministry.Options) *stage {
	t.Helper()
	o.Profile = simulator.Unlimited
	run := bedtest.Start(t, testbed.Options{
		Simulator: o, Direct: direct,
		Redis: redisd.Options{AppendOnly: true, Args: []string{"--appendfsync", "always"}}, // tests kill Redis
	})
	s := newParts(&bed{t: t, redis: run.Redis, rdb: redistest.Client(t, run.Redis), sim: run.Simulator, url: run.GatewayURL(),
		directURL: run.DirectURL(), budget: noLimits{}})
	s.advance(untilMorning(time.Now()))
	s.day = invoice.Today(s.now())
	s.ledger, s.queue = ledger.New(s.rdb, ledger.Options{Now: s.now}), queue.New(s.rdb)
	var err error
	if s.bodies, err = ledger.NewBodies(nil); err != nil {
		t.Fatal(err)
	}
	if s.store, err = archive.Open(t.Context(), run.ArchiveURL(), archive.Options{}); err != nil {
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

// untilMorning returns how long it is until a quarter past ten in Warsaw.
func untilMorning(now time.Time) time.Duration {
	y, m, d := now.In(invoice.Warsaw()).Date()
	at := time.Date(y, m, d, 10, 15, 0, 0, invoice.Warsaw())
	if at.Before(now) {
		at = time.Date(y, m, d+1, 10, 15, 0, 0, invoice.Warsaw())
	}
	return at.Sub(now)
}

// now returns the time by the clock of the workers and of the ledgers.
func (b *bed) now() time.Time {
	b.clockReads.Add(1)
	return time.Now().Add(time.Duration(b.ahead.Load()))
}

// advance moves the clocks of the workers and the simulator.
func (b *bed) advance(d time.Duration) {
	b.ahead.Add(int64(d))
	b.sim.Advance(d)
}

// nip returns the NIP of the first taxpayer, who issues most of the documents.
func (b *bed) nip() string { return sample.NIP(0) }

// admitter returns the intake, with ten tenants that are named by their NIPs.
func (en *entries) admitter() *intake.Admitter {
	var all []intake.Account
	for i := range 10 {
		all = append(all, intake.Account{Name: sample.NIP(i), NIP: sample.NIP(i), Corrections: en.directURL != ""})
	}
	return &intake.Admitter{Ledger: en.ledger, Queue: en.queue, Bodies: en.bodies, Store: en.store, Accounts: all, Now: en.now}
}

// admit hands one document in and returns the entry of its invoice.
func (en *entries) admit(lane ledger.Lane, data []byte) ledger.Invoice {
	en.t.Helper()
	out, err := en.admitter().Admit(en.t.Context(), []intake.Document{{File: "a.xml", Data: data}}, intake.Terms{Lane: lane})
	if err == nil {
		err = out[0].Err
	}
	if err != nil {
		en.t.Fatalf("admit: %v", err)
	}
	return out[0].Invoice
}

// read reads the entry of an invoice.
func (en *entries) read(id string) ledger.Invoice {
	en.t.Helper()
	inv, err := en.ledger.Invoice(en.t.Context(), id)
	if err != nil {
		en.t.Fatal(err)
	}
	return inv
}

// pkg reads the entry of a package.
func (en *entries) pkg(id string) ledger.Package {
	en.t.Helper()
	p, err := en.ledger.Package(en.t.Context(), id)
	if err != nil {
		en.t.Fatal(err)
	}
	return p
}

// end moves an invoice to a state in which it has ended.
func (en *entries) end(inv ledger.Invoice, state ledger.State) {
	en.t.Helper()
	if err := en.ledger.Move(en.t.Context(), ledger.Move{ID: inv.ID, Rev: inv.Rev, To: state}); err != nil {
		en.t.Fatal(err)
	}
}

// touch changes the revision of an entry and nothing else. It stands for a move that somebody else
// makes at the same time.
func (en *entries) touch(id string) {
	en.t.Helper()
	inv := en.read(id)
	err := en.ledger.Move(en.t.Context(), ledger.Move{
		ID: id, Rev: inv.Rev, From: []ledger.State{inv.State}, Edit: ledger.Edit{}.Reference(inv.Reference),
	})
	if err != nil {
		en.t.Fatal(err)
	}
}

// sent brings invoices of one lane into one session and closes the session.
func (po *paths) sent(w *actor, invs ...ledger.Invoice) (pkg string) {
	po.t.Helper()
	if invs[0].Lane == ledger.Bulk {
		pkg = w.together(invs...)
		w.must(queue.KindPackage, pkg)
		return pkg
	}
	for _, inv := range invs {
		w.must(queue.KindSend, inv.ID)
	}
	pkg = po.entries.read(invs[0].ID).Package
	if err := w.Stop(po.t.Context()); err != nil {
		po.t.Fatal(err)
	}
	return pkg
}

// sentPair brings the good invoices A/1 and A/2 into one session and closes the session.
func (po *paths) sentPair(w *actor, lane ledger.Lane) (first, second ledger.Invoice, pkg string) {
	po.t.Helper()
	first, second = po.entries.admit(lane, po.samples.good("A/1")), po.entries.admit(lane, po.samples.good("A/2"))
	return first, second, po.sent(w, first, second)
}

// sendThrough sends a package and brings it to its end.
func (po *paths) sendThrough(w *actor, pkg string) {
	po.t.Helper()
	w.must(queue.KindPackage, pkg)
	w.settle(pkg)
	w.receipt(pkg)
}

// loseRedis deletes everything in Redis.
func (fa *failures) loseRedis() {
	fa.t.Helper()
	if err := fa.rdb.FlushAll(fa.t.Context()).Err(); err != nil {
		fa.t.Fatal(err)
	}
}

// acceptedOnce checks that KSeF was sent n invoices and accepted them.
func (en *entries) acceptedOnce(n int) {
	en.t.Helper()
	books := en.sim.Books()
	sent := 0
	for _, e := range books.Sessions {
		sent += e.Invoices
	}
	if sent != n || len(books.Accepted) != n {
		en.t.Errorf("KSeF was sent %d invoices and accepted %d, want %d", sent, len(books.Accepted), n)
	}
}

// patience is how long a test waits for what has to happen. A busy machine takes many times longer
// than an idle one. A test that passes does not wait that long.
const patience = 5 * time.Minute

// eventually polls until ok holds.
func (b *bed) eventually(what string, ok func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			b.t.Fatalf("this did not happen in time: %s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}
