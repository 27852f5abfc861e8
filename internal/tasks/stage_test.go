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
// strict simulator and the real client, and no server of the queue: what a handler puts into the
// queue stays there.
type stage struct {
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
	ahead      atomic.Int64 // nanoseconds by which the clock of the workers is ahead
	clockReads atomic.Int64
	log        logBuffer
	budget     tasks.Budget // of workers made from now on
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

// newStage starts what the workers need. A worker is made by [stage.worker].
func newStage(t *testing.T, o simulator.Options) *stage {
	t.Helper()
	return newStageOf(t, o, nil)
}

// newStageOf is newStage; direct configures the Ministry's API, nil: there is none.
func newStageOf(t *testing.T, o simulator.Options, direct *ministry.Options) *stage {
	t.Helper()
	o.Profile = simulator.Unlimited
	bed := bedtest.Start(t, testbed.Options{
		Simulator: o, Direct: direct,
		Redis: redisd.Options{AppendOnly: true, Args: []string{"--appendfsync", "always"}}, // tests kill it
	})
	s := &stage{t: t, redis: bed.Redis, rdb: redistest.Client(t, bed.Redis), sim: bed.Simulator, url: bed.GatewayURL(), directURL: bed.DirectURL(), budget: noLimits{}}
	s.ledger, s.queue = ledger.New(s.rdb, ledger.Options{Now: s.now}), queue.New(s.rdb)
	var err error
	if s.bodies, err = ledger.NewBodies(nil); err != nil {
		t.Fatal(err)
	}
	if s.store, err = archive.Open(t.Context(), bed.ArchiveURL(), archive.Options{}); err != nil {
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

// now is the clock of the workers and of the ledgers.
func (s *stage) now() time.Time {
	s.clockReads.Add(1)
	return time.Now().Add(time.Duration(s.ahead.Load()))
}

// advance moves the clocks of the workers and the simulator.
func (s *stage) advance(d time.Duration) {
	s.ahead.Add(int64(d))
	s.sim.Advance(d)
}

// nip is that of the first taxpayer, which most documents are of.
func (s *stage) nip() string { return sample.NIP(0) }

// admitter returns the intake, with ten tenants that are named by their NIPs.
func (s *stage) admitter() *intake.Admitter {
	var all []intake.Account
	for i := range 10 {
		all = append(all, intake.Account{Name: sample.NIP(i), NIP: sample.NIP(i)})
	}
	return &intake.Admitter{Ledger: s.ledger, Queue: s.queue, Bodies: s.bodies, Store: s.store, Accounts: all, Now: s.now}
}

// admit hands one document in and returns its entry.
func (s *stage) admit(lane ledger.Lane, data []byte) ledger.Invoice {
	s.t.Helper()
	out, err := s.admitter().Admit(s.t.Context(), []intake.Document{{File: "a.xml", Data: data}}, intake.Terms{Lane: lane})
	if err != nil || out[0].Err != nil {
		s.t.Fatalf("admit: %v, %v", err, out[0].Err)
	}
	return out[0].Invoice
}

// read reads the entry of an invoice.
func (s *stage) read(id string) ledger.Invoice {
	s.t.Helper()
	inv, err := s.ledger.Invoice(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return inv
}

// pkg reads the entry of a package.
func (s *stage) pkg(id string) ledger.Package {
	s.t.Helper()
	p, err := s.ledger.Package(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// end moves an invoice to a state in which it has ended.
func (s *stage) end(inv ledger.Invoice, state ledger.State) {
	s.t.Helper()
	if err := s.ledger.Move(s.t.Context(), ledger.Move{ID: inv.ID, Rev: inv.Rev, To: state}); err != nil {
		s.t.Fatal(err)
	}
}

// touch changes the revision of an entry and nothing else, as a move at the same time does.
func (s *stage) touch(id string) {
	s.t.Helper()
	inv := s.read(id)
	err := s.ledger.Move(s.t.Context(), ledger.Move{
		ID: id, Rev: inv.Rev, From: []ledger.State{inv.State}, Edit: ledger.Edit{}.Reference(inv.Reference),
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// sent brings invoices of one lane into one session and closes it.
func (s *stage) sent(w *actor, invs ...ledger.Invoice) (pkg string) {
	s.t.Helper()
	if invs[0].Lane == ledger.Bulk {
		pkg = w.together(invs...)
		w.must(queue.KindPackage, pkg)
		return pkg
	}
	for _, inv := range invs {
		w.must(queue.KindSend, inv.ID)
	}
	pkg = s.read(invs[0].ID).Package
	if err := w.Stop(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return pkg
}

// sentPair brings the good invoices A/1 and A/2 into one session and closes it.
func (s *stage) sentPair(w *actor, lane ledger.Lane) (first, second ledger.Invoice, pkg string) {
	s.t.Helper()
	first, second = s.admit(lane, s.good("A/1")), s.admit(lane, s.good("A/2"))
	return first, second, s.sent(w, first, second)
}

// sendThrough sends a package and brings it to its end.
func (s *stage) sendThrough(w *actor, pkg string) {
	s.t.Helper()
	w.must(queue.KindPackage, pkg)
	w.settle(pkg)
	w.receipt(pkg)
}

// loseRedis deletes everything in Redis.
func (s *stage) loseRedis() {
	s.t.Helper()
	if err := s.rdb.FlushAll(s.t.Context()).Err(); err != nil {
		s.t.Fatal(err)
	}
}

// acceptedOnce checks that KSeF was sent n invoices and accepted them.
func (s *stage) acceptedOnce(n int) {
	s.t.Helper()
	books := s.sim.Books()
	sent := 0
	for _, e := range books.Sessions {
		sent += e.Invoices
	}
	if sent != n || len(books.Accepted) != n {
		s.t.Errorf("KSeF was sent %d invoices and accepted %d, want %d", sent, len(books.Accepted), n)
	}
}

// eventually polls until ok holds.
func (s *stage) eventually(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			s.t.Fatalf("not in time: %s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}
