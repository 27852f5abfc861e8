package e2e_test

import (
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

const (
	// shutdownTime is the worker's shutdown_timeout.
	shutdownTime = 4 * time.Second
	// closingTime is how much longer the worker may take to close its sessions (see
	// worker.shutdown_timeout in the configuration).
	closingTime = 5 * time.Second
	// slack is for starting, stopping and reaping processes on a machine that runs other tests.
	slack = 2 * time.Second
)

// gate stands between worker and simulator. The first request of a step closes it. That request is
// held until the time hold has passed or the test opens the gate.
type gate struct {
	step  string
	hold  time.Duration
	early bool          // true holds the request before the gateway sees it; false holds its answer
	all   bool          // true holds every request after the first one, too
	hit   chan struct{} // closed at the first request of the step
	open  chan struct{} // closed by the test

	mu     sync.Mutex
	closed bool
	cut    []string // requests whose sender went away before their answer
	broken []string // requests that did not arrive whole
}

// holds reports whether this request is to be held.
func (g *gate) holds(r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return g.all
	}
	if g.step == "" || !steps[g.step](r) {
		return false
	}
	g.closed = true
	close(g.hit)
	return true
}

func (g *gate) note(list *[]string, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	*list = append(*list, r.Method+" "+r.URL.Path)
}

func (g *gate) wait(r *http.Request) {
	select {
	case <-time.After(g.hold):
	case <-g.open:
	case <-r.Context().Done():
		g.note(&g.cut, r)
	}
}

func (g *gate) serve(w http.ResponseWriter, r *http.Request, forward func() (*answer, error)) {
	held := g.holds(r)
	if held && g.early {
		g.wait(r)
	}
	a, err := forward()
	if err != nil {
		g.note(&g.broken, r)
		panic(http.ErrAbortHandler)
	}
	if held && !g.early {
		g.wait(r)
	}
	a.write(w)
}

const forever = time.Hour

// A worker gets SIGTERM in every state that it can be in, and ends within the time that it has. As
// long as there is time, the worker waits for the answers to requests that it has sent. Another
// worker finishes all invoices.
func TestShutdown_InEveryState_EndsInTimeNothingIsCutAnotherFinishes(t *testing.T) {
	const invoices = 6
	for _, c := range []struct {
		name       string
		lane       string
		step       string // "" means that nothing is under way
		hold       time.Duration
		early, all bool
		redisAway  bool
		within     time.Duration
		mayBeCut   bool // there is no time to wait for the request
	}{
		{name: "idle", lane: "bulk", within: slack},
		{name: "idle, session open", lane: "express", within: slack},
		{name: "building a package", lane: "bulk", step: "publicKey", within: shutdownTime},
		{name: "opening a batch session", lane: "bulk", step: "openBatch", hold: 2 * time.Second, within: shutdownTime},
		{name: "slow part", lane: "bulk", step: "part", hold: forever, early: true, within: shutdownTime, mayBeCut: true},
		{name: "slow part that ends in time", lane: "bulk", step: "part", hold: 2 * time.Second, early: true, within: shutdownTime},
		{name: "close in flight", lane: "bulk", step: "close", hold: 2 * time.Second, within: shutdownTime},
		{name: "opening an online session", lane: "express", step: "openOnline", hold: 2 * time.Second, within: shutdownTime},
		{name: "send in flight", lane: "express", step: "send", hold: 2 * time.Second, within: shutdownTime},
		{name: "slow receipt", lane: "bulk", step: "upo", hold: 2 * time.Second, within: shutdownTime},
		{name: "receipt that never comes", lane: "bulk", step: "upo", hold: forever, within: shutdownTime, mayBeCut: true},
		{name: "redis away, idle", lane: "bulk", redisAway: true, within: shutdownTime + closingTime},
		{
			name: "redis away, bulk", lane: "bulk", step: "close", hold: time.Second,
			redisAway: true, within: shutdownTime + closingTime,
		},
		{
			name: "redis away, express", lane: "express", step: "send", hold: time.Second,
			redisAway: true, within: shutdownTime + closingTime,
		},
		{
			name: "gateway hangs, bulk", lane: "bulk", step: "openBatch", hold: forever, all: true,
			within: shutdownTime + closingTime, mayBeCut: true,
		},
		{
			name: "gateway hangs, close", lane: "bulk", step: "close", hold: forever, all: true,
			within: shutdownTime + closingTime, mayBeCut: true,
		},
		{
			name: "gateway hangs, express", lane: "express", step: "send", hold: forever, all: true,
			within: shutdownTime + closingTime, mayBeCut: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 200 * time.Millisecond})
			g := &gate{step: c.step, hold: c.hold, early: c.early, all: c.all, hit: make(chan struct{}), open: make(chan struct{})}
			s.configure(1, noticesDeathsEarly, gatewayAt(relay(t, s.bed.GatewayURL(), g.serve)), func(cfg *config.Config) {
				cfg.Express.Idle, cfg.Worker.ShutdownTimeout = 5*time.Second, shutdownTime
			})
			n := invoices
			if c.step == "publicKey" {
				n = 3000 // so that building takes a while
			}
			first := s.start()
			s.submit("--lane", c.lane, s.export("export", sample.NIP(0), n))
			switch {
			case c.step != "":
				select {
				case <-g.hit:
				case <-time.After(60 * time.Second):
					t.Fatal("the step was never reached: this test proves nothing")
				}
			case c.lane == "express":
				s.reached(ledger.Accepted, n, time.Minute)
			default:
				s.receipted(n, time.Minute)
			}
			if c.redisAway {
				s.signalRedis(syscall.SIGSTOP)
			}
			took := first.terminate(t, c.within+slack+closingTime)
			if took > c.within+slack {
				t.Errorf("the worker took %v to stop, want at most %v", took, c.within+slack)
			}
			if c.redisAway {
				s.signalRedis(syscall.SIGCONT)
			}
			g.mu.Lock()
			cut, broken := g.cut, g.broken
			g.mu.Unlock()
			if !c.mayBeCut && len(cut)+len(broken) > 0 {
				t.Errorf("the requests %v were cut off after they were sent, and %v while they were sent, want none", cut, broken)
			}
			if c.lane == "express" && !c.redisAway && !c.all {
				for _, session := range s.bed.Simulator.Books().Sessions {
					if session.Closed.IsZero() {
						t.Errorf("online session %s was left open", session.ID)
					}
				}
			}
			t.Logf("%s: stopped after %v; cut %v, broken %v", c.name, took.Round(10*time.Millisecond), cut, broken)
			close(g.open)
			s.start()
			s.receipted(n, 3*time.Minute)
			s.balanced(n)
		})
	}
}

// signalRedis sends a signal to the process of Redis. After SIGSTOP, Redis keeps its connections
// and answers nothing, like a machine that hangs. SIGCONT lets it go on.
func (s *site) signalRedis(sig syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(s.bed.Redis.Pid(), sig); err != nil {
		s.t.Fatal(err)
	}
}
