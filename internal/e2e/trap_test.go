package e2e_test

import (
	"bytes"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// moment is when in the life of a request the trap strikes.
type moment string

const (
	before moment = "before" // the request never reaches the other side
	during moment = "during" // the request is carried out, and the answer is lost
	after  moment = "after"  // the answer has just gone back
)

// trap strikes once. With kills, it kills its victim when it strikes.
type trap struct {
	kills  bool
	victim chan *worker  // set by arm
	struck chan struct{} // closed when the trap has struck

	mu     sync.Mutex
	sprung bool
}

func newTrap(kills bool) *trap {
	return &trap{kills: kills, victim: make(chan *worker, 1), struck: make(chan struct{})}
}

// arm says which worker is the victim. A trap that is reached earlier waits for arm.
func (t *trap) arm(w *worker) { t.victim <- w }

// spring strikes and returns true, or returns false when the trap has struck before.
func (t *trap) spring() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sprung {
		return false
	}
	t.sprung = true
	if w := <-t.victim; t.kills {
		w.kill()
	}
	close(t.struck)
	return true
}

func (t *trap) wasSprung() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sprung
}

// await waits until the trap has struck.
func (t *trap) await(tb testing.TB) {
	tb.Helper()
	select {
	case <-t.struck:
	case <-time.After(60 * time.Second):
		tb.Fatal("the step was never reached: this test proves nothing")
	}
}

// steps are the gateway's operations, recognised by method and path.
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

// gatewayTrap stands between worker and simulator and strikes at the first request of a step. It
// returns the address to which the worker should send its requests.
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

// redisTrap stands between worker and Redis. It strikes at the nth request that contains text,
// which is the hash of a ledger script, or a key. It returns the proxy's address as a URL.
func redisTrap(t testing.TB, to, text string, nth int, when moment, tr *trap) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &redisProxy{to: to, text: []byte(text), nth: nth, when: when, trap: tr}
	t.Cleanup(func() { _ = l.Close(); p.conns.Wait() })
	p.conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.conns.Go(func() { p.serve(c) })
		}
	})
	return "redis://" + l.Addr().String() + "/0"
}

type redisProxy struct {
	to    string
	text  []byte
	nth   int
	when  moment
	trap  *trap
	conns sync.WaitGroup

	mu    sync.Mutex
	calls int // requests that contained the text
}

// isNth counts the requests that contain the text and reports whether this one is the nth.
func (p *redisProxy) isNth(request []byte) bool {
	if !bytes.Contains(request, p.text) || p.trap.wasSprung() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	return p.calls == p.nth
}

func (p *redisProxy) serve(down net.Conn) {
	defer down.Close()
	up, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer up.Close()
	cut := make(chan struct{}) // closed when the next answer must not go back
	var once sync.Once
	go func() { // passes answers back
		buf := make([]byte, 64<<10)
		for {
			n, err := up.Read(buf)
			if err != nil {
				_ = down.Close()
				return
			}
			select {
			case <-cut: // the request was carried out, and its answer is lost
				p.trap.spring()
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
		if p.isNth(buf[:n]) {
			if p.when == before {
				p.trap.spring()
				return
			}
			once.Do(func() { close(cut) })
		}
		if _, err := up.Write(buf[:n]); err != nil {
			return
		}
	}
}
