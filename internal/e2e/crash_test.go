package e2e_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// moment is when in the life of a request the blow falls.
type moment string

const (
	before moment = "before" // it never reaches the other side
	during moment = "during" // carried out, the answer is lost
	after  moment = "after"  // answered, and nothing more
)

// trap strikes once.
type trap struct {
	mu     sync.Mutex
	sprung bool
	strike func()
}

func (t *trap) spring() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sprung {
		return false
	}
	t.sprung = true
	t.strike()
	return true
}

func (t *trap) wasSprung() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sprung
}

// steps are the gateway's operations, told apart by method and path.
var steps = map[string]func(r *http.Request) bool{
	"publicKey":     path("GET", "/invoice/public/key"),
	"openBatch":     path("POST", "/invoice/session/open/batch"),
	"openOnline":    path("POST", "/invoice/session/open/online"),
	"part":          func(r *http.Request) bool { return r.Method == http.MethodPut },
	"close":         path("GET", "/invoice/session/close/"),
	"send":          path("POST", "/invoice/send"),
	"sessionStatus": path("GET", "/invoice/session/status/"),
	"invoices":      path("GET", "/invoice/session/invoices/"),
	"upo":           path("GET", "/invoice/session/upo/"),
	"invoiceGet":    path("GET", "/invoice/get/"),
}

func path(method, prefix string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == method && strings.Contains(r.URL.Path, prefix)
	}
}

// gatewayTrap stands between worker and simulator and strikes at the first request of a step.
func gatewayTrap(t *testing.T, to, step string, when moment, tr *trap) string {
	t.Helper()
	return relay(t, to, func(w http.ResponseWriter, r *http.Request, forward func() (*answer, error)) {
		hit := steps[step](r)
		if hit && when == before && tr.spring() {
			panic(http.ErrAbortHandler)
		}
		a, err := forward()
		if err != nil || (hit && when == during && tr.spring()) {
			panic(http.ErrAbortHandler)
		}
		a.write(w)
		if hit && when == after {
			_ = http.NewResponseController(w).Flush()
			tr.spring()
		}
	})
}

// The worker is killed (SIGKILL) before, during and after each outward step; another one takes over. The books say whether anything was lost or sent twice.
func TestCrash_WorkerKilledAtEveryStep_AcceptedExactlyOnce(t *testing.T) {
	lanes := map[string][]string{
		"bulk":    {"publicKey", "openBatch", "part", "close", "sessionStatus", "invoices", "upo"},
		"express": {"openOnline", "send", "close", "invoices"},
	}
	for lane, names := range lanes {
		for _, step := range names {
			for _, when := range []moment{before, during, after} {
				t.Run(fmt.Sprintf("%s/%s/%s", lane, step, when), func(t *testing.T) {
					t.Parallel()
					s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 200 * time.Millisecond})
					killed := make(chan struct{})
					victim := make(chan *proc, 1)
					tr := &trap{strike: func() { (<-victim).kill(); close(killed) }}
					s.configure(knobs{tenants: 1, maxWait: 500 * time.Millisecond, gateway: gatewayTrap(t, s.simURL, step, when, tr), more: hastyWorker})
					dir := s.export("export", sample.NIP(0), 6)
					victim <- s.start()
					if code, out := s.enqueue("submit", "--lane", lane, dir); code != 0 {
						t.Fatalf("enqueue ended with %d: %s", code, out)
					}
					select {
					case <-killed:
					case <-time.After(60 * time.Second):
						t.Fatal("the step was never reached: this test proves nothing")
					}
					s.start()
					s.settled(6, 4*time.Minute)
					s.balanced(6)
				})
			}
		}
	}
}

// hastyWorker lets a pool notice a death early.
const hastyWorker = "worker: {dead_after: 3s}\n"

// redisTrap stands between worker and Redis and strikes at the nth call of one ledger script.
func redisTrap(t *testing.T, to, hash string, nth int, when moment, tr *trap) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	calls := 0
	var conns sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); conns.Wait() })
	serve := func(down net.Conn) {
		defer conns.Done()
		defer down.Close()
		up, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer up.Close()
		struck := make(chan struct{})
		var once sync.Once
		go func() { // answers
			buf := make([]byte, 64<<10)
			for {
				n, err := up.Read(buf)
				if err != nil {
					_ = down.Close()
					return
				}
				select {
				case <-struck: // carried out; the answer is not passed on
					tr.spring()
					_ = down.Close()
					_ = up.Close()
					return
				default:
				}
				if _, err := down.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
		buf := make([]byte, 256<<10)
		for {
			n, err := down.Read(buf)
			if err != nil {
				return
			}
			if bytes.Contains(buf[:n], []byte(hash)) && !tr.wasSprung() {
				mu.Lock()
				calls++
				hit := calls == nth
				mu.Unlock()
				if hit && when == before {
					tr.spring()
					return
				}
				if hit {
					once.Do(func() { close(struck) })
				}
			}
			if _, err := up.Write(buf[:n]); err != nil {
				return
			}
		}
	}
	conns.Add(1)
	go func() {
		defer conns.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Add(1)
			go serve(c)
		}
	}()
	return "redis://" + l.Addr().String() + "/0"
}

// Each verb of the ledger is cut off before Redis has it, or after Redis carried it out and before the answer arrives: once with the worker living on (the Redis client then
// repeats the script, which compare-and-set must see through), once with the worker killed.
func TestCrash_LedgerVerbCutOff_AcceptedExactlyOnce(t *testing.T) {
	for _, c := range []struct {
		lane, verb string
		nth        int
		what       string
	}{
		{"bulk", "move", 1, "wait"},
		{"bulk", "cut", 1, "cut"},
		{"bulk", "package", 1, "opened"},
		{"bulk", "package", 2, "uploaded"},
		{"bulk", "package", 3, "closing"},
		{"bulk", "package", 4, "processing"},
		{"bulk", "move", 7, "settle"},
		{"bulk", "package", 6, "settled"},
		{"bulk", "move", 8, "receipt"},
		{"bulk", "package", 7, "receipted"},
		{"express", "open", 1, "online opened"},
		{"express", "send", 1, "sending"},
		{"express", "move", 1, "sent"},
		{"express", "package", 1, "online closing"},
	} {
		for _, when := range []moment{before, during} {
			for _, fate := range []string{"lives", "killed"} {
				t.Run(fmt.Sprintf("%s/%s/%s/%s", c.lane, c.what, when, fate), func(t *testing.T) {
					t.Parallel()
					s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 200 * time.Millisecond})
					if err := s.ledger.LoadScripts(t.Context()); err != nil {
						t.Fatal(err)
					}
					sprung := make(chan struct{})
					victim := make(chan *proc, 1)
					tr := &trap{strike: func() {
						if p := <-victim; fate == "killed" {
							p.kill()
						}
						close(sprung)
					}}
					dir := s.export("export", sample.NIP(0), 6)
					s.configure(knobs{tenants: 1, maxWait: 500 * time.Millisecond, more: hastyWorker})
					if code, out := s.enqueue("submit", "--lane", c.lane, dir); code != 0 {
						t.Fatalf("enqueue ended with %d: %s", code, out)
					}
					s.configure(knobs{tenants: 1, maxWait: 500 * time.Millisecond, more: hastyWorker,
						redisURL: redisTrap(t, s.redis.Addr(), ledger.ScriptHashes()[c.verb], c.nth, when, tr)})
					victim <- s.start()
					select {
					case <-sprung:
					case <-time.After(60 * time.Second):
						t.Fatal("the verb was never reached: this test proves nothing")
					}
					if fate == "killed" {
						s.start()
					}
					s.settled(6, 4*time.Minute)
					s.balanced(6)
				})
			}
		}
	}
}
