package e2e_test

import (
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

const (
	// shutdownTime is what the worker is configured to stop within; closingTime what it says that sessions may take on top (CHANGELOG: stop_grace_period).
	shutdownTime = 4 * time.Second
	closingTime  = 5 * time.Second
	// slack is for starting, stopping and reaping processes on a machine that runs other tests.
	slack = 2 * time.Second

	promptWorker = "worker: {shutdown_timeout: 4s, dead_after: 3s}\n"
)

// lock stands between worker and simulator. At the first request of a step the worker is told to stop, and the request is kept for as long as the row says, or until the test opens it.
type lock struct {
	step  string
	keep  time.Duration // before the answer goes back
	early bool          // kept before the gateway has seen it, not after
	all   bool          // every request from then on is kept, not this one alone
	hit   chan struct{}
	open  chan struct{}

	mu     sync.Mutex
	struck bool
	cut    []string // requests whose sender went away before their answer
	broken []string // requests of which not all came
}

func (l *lock) strikes(r *http.Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.struck {
		return l.all
	}
	if l.step == "" || !steps[l.step](r) {
		return false
	}
	l.struck = true
	close(l.hit)
	return true
}

func (l *lock) note(list *[]string, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, r.Method+" "+r.URL.Path)
}

// wait keeps a request.
func (l *lock) wait(r *http.Request) {
	select {
	case <-time.After(l.keep):
	case <-l.open:
	case <-r.Context().Done():
		l.note(&l.cut, r)
	}
}

func (l *lock) serve(w http.ResponseWriter, r *http.Request, forward func() (*answer, error)) {
	kept := l.strikes(r)
	if kept && l.early {
		l.wait(r)
	}
	a, err := forward()
	if err != nil {
		l.note(&l.broken, r)
		panic(http.ErrAbortHandler)
	}
	if kept && !l.early {
		l.wait(r)
	}
	a.write(w)
}

const forEver = time.Hour

// SIGTERM in every state that a worker can be in. It ends in its time, what has left is waited for as long as there is time, and another worker brings all of it to its end.
func TestShutdown_InEveryState_InTime_NothingCut_AnotherFinishes(t *testing.T) {
	const invoices = 6
	for _, c := range []struct {
		name       string
		lane       string
		step       string // "" is: nothing is under way
		keep       time.Duration
		early, all bool
		redisAway  bool
		within     time.Duration
		mayBeCut   bool // there was no time to wait for it
	}{
		{name: "idle", lane: "bulk", within: slack},
		{name: "idle, session open", lane: "express", within: slack},
		{name: "building a package", lane: "bulk", step: "publicKey", within: shutdownTime},
		{name: "opening a batch session", lane: "bulk", step: "openBatch", keep: 2 * time.Second, within: shutdownTime},
		{name: "slow part", lane: "bulk", step: "part", keep: forEver, early: true, within: shutdownTime, mayBeCut: true},
		{name: "slow part that ends in time", lane: "bulk", step: "part", keep: 2 * time.Second, early: true, within: shutdownTime},
		{name: "close in flight", lane: "bulk", step: "close", keep: 2 * time.Second, within: shutdownTime},
		{name: "opening an online session", lane: "express", step: "openOnline", keep: 2 * time.Second, within: shutdownTime},
		{name: "send in flight", lane: "express", step: "send", keep: 2 * time.Second, within: shutdownTime},
		{name: "slow receipt", lane: "bulk", step: "upo", keep: 2 * time.Second, within: shutdownTime},
		{name: "receipt that never comes", lane: "bulk", step: "upo", keep: forEver, within: shutdownTime, mayBeCut: true},
		{name: "redis away, idle", lane: "bulk", redisAway: true, within: shutdownTime + closingTime},
		{name: "redis away, bulk", lane: "bulk", step: "close", keep: time.Second, redisAway: true, within: shutdownTime + closingTime},
		{name: "redis away, express", lane: "express", step: "send", keep: time.Second, redisAway: true, within: shutdownTime + closingTime},
		{name: "gateway hangs, bulk", lane: "bulk", step: "openBatch", keep: forEver, all: true, within: shutdownTime + closingTime, mayBeCut: true},
		{name: "gateway hangs, close", lane: "bulk", step: "close", keep: forEver, all: true, within: shutdownTime + closingTime, mayBeCut: true},
		{name: "gateway hangs, express", lane: "express", step: "send", keep: forEver, all: true, within: shutdownTime + closingTime, mayBeCut: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 200 * time.Millisecond})
			l := &lock{step: c.step, keep: c.keep, early: c.early, all: c.all, hit: make(chan struct{}), open: make(chan struct{})}
			s.configure(knobs{tenants: 1, maxWait: 500 * time.Millisecond, gateway: relay(t, s.simURL, l.serve), express: "{idle: 5s}", more: promptWorker})
			n := invoices
			if c.step == "publicKey" {
				n = 3000 // so that building takes a while
			}
			first := s.start()
			if code, out := s.enqueue("submit", "--lane", c.lane, s.export("export", sample.NIP(0), n)); code != 0 {
				t.Fatalf("enqueue ended with %d: %s", code, out)
			}
			switch {
			case c.step != "":
				select {
				case <-l.hit:
				case <-time.After(60 * time.Second):
					t.Fatal("the step was never reached: this test proves nothing")
				}
			case c.lane == "express":
				s.reached(ledger.Accepted, n, time.Minute)
			default:
				s.settled(n, time.Minute)
			}
			if c.redisAway {
				s.signalRedis(syscall.SIGSTOP)
			}
			took := first.terminate(t, c.within+slack+closingTime)
			if took > c.within+slack {
				t.Errorf("the stop took %v, allowed are %v", took, c.within)
			}
			if c.redisAway {
				s.signalRedis(syscall.SIGCONT)
			}
			l.mu.Lock()
			cut, broken := l.cut, l.broken
			l.mu.Unlock()
			if !c.mayBeCut && len(cut)+len(broken) > 0 {
				t.Errorf("cut off after they had left: %v; while they left: %v", cut, broken)
			}
			if c.lane == "express" && !c.redisAway && !c.all {
				for _, session := range s.sim.Books().Sessions {
					if session.Closed.IsZero() {
						t.Errorf("online session %s was left open", session.ID)
					}
				}
			}
			t.Logf("%s: stopped after %v; cut %v, broken %v", c.name, took.Round(10*time.Millisecond), cut, broken)
			close(l.open)
			s.start()
			s.settled(n, 3*time.Minute)
			s.balanced(n)
		})
	}
}

// reached waits until n invoices are in a state.
func (s *site) reached(state ledger.State, n int, within time.Duration) {
	s.t.Helper()
	for deadline := time.Now().Add(within); ; <-time.After(50 * time.Millisecond) {
		counts, err := s.ledger.Counts(s.t.Context())
		if err == nil && counts[string(state)] == int64(n) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("after %v the ledger counts %v (%v), want %d %s", within, counts, err, n, state)
		}
	}
}

// signalRedis stops the server's process (it keeps its connections and answers nothing, as a machine that hangs does), or lets it go on.
func (s *site) signalRedis(sig syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(s.redis.Pid(), sig); err != nil {
		s.t.Fatal(err)
	}
}

// terminate sends SIGTERM and returns how long the process took to end, which it has to do well.
func (p *proc) terminate(t *testing.T, within time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(within):
		t.Fatalf("still there %v after SIGTERM", within)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	return time.Since(began)
}
