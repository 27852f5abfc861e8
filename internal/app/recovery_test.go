package app_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// hasty makes the sweep look early and often.
func hasty(c *config.Config) {
	c.Sweep.Every, c.Sweep.After = time.Second, time.Second
}

// until polls a condition.
func until(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("%v passed without: %s", within, what)
		}
		<-time.After(50 * time.Millisecond)
	}
}

func (p *pool) state(a tasks.Admission) ledger.Invoice {
	p.t.Helper()
	inv, err := p.base.Ledger.Invoice(p.t.Context(), a.Invoice.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return inv
}

// door stands between the workers and the simulator and can be shut: connections are then refused before anything leaves.
type door struct {
	srv  *http.Server
	addr string
	shut atomic.Bool

	refused atomic.Int64 // while shut
}

func newDoor(t *testing.T, to string) *door {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	d := &door{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.addr = "http://" + l.Addr().String()
	d.srv = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.shut.Load() {
			d.refused.Add(1)
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html>Bad gateway</html>")
			return
		}
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = d.srv.Serve(l) }()
	t.Cleanup(func() { _ = d.srv.Close() })
	return d
}

func TestRecovery_WrongKey_ThatTenantPauses_OthersGoOn_NewKeyNeedsNoRestart(t *testing.T) {
	t.Parallel()
	var key string
	p := newPool(t, 2, quickSim, func(c *config.Config) {
		hasty(c)
		key = filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(key, []byte("wrong\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c.Tenants[0].KeyFile = key
	})
	p.work()
	blocked := p.admit(tasks.Terms{}, good(sample.NIP(0), 8)...)
	free := p.admit(tasks.Terms{}, good(sample.NIP(1), 8)...)
	until(t, 60*time.Second, "the other tenant's invoices are receipted", func() bool {
		for _, a := range free {
			if p.state(a).State != ledger.Receipted {
				return false
			}
		}
		return true
	})
	for _, a := range blocked {
		if inv := p.state(a); inv.State != ledger.Packed && inv.State != ledger.Queued {
			t.Errorf("%s is %s while its tenant is paused", inv.Number, inv.State)
		}
	}
	if strings.Contains(p.log.String(), "wrong") {
		t.Error("the log holds the key")
	}
	if err := os.WriteFile(key, []byte("test_key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.wait(90*time.Second, append(blocked, free...), ledger.Receipted)
	p.balanced(16)
}

func TestRecovery_TasksDeletedOrArchivedByHand_TheSweepDrivesOn(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"deleted", "archived"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, 1, quickSim, hasty)
			inspector := asynq.NewInspectorFromRedisClient(p.base.Asynq)
			taken := p.admit(tasks.Terms{}, good(sample.NIP(0), 8)...)
			for _, a := range taken {
				id := tasks.TaskID(tasks.KindSubmit, a.Invoice.ID, a.Invoice.Rev)
				var err error
				if how == "deleted" {
					err = inspector.DeleteTask(tasks.QueueInvoices, id)
				} else {
					err = inspector.ArchiveTask(tasks.QueueInvoices, id)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			p.work()
			p.wait(60*time.Second, taken, ledger.Receipted)
			p.balanced(8)
		})
	}
}

func TestRecovery_ConfirmDeletedByHand_TheSweepDrivesOn(t *testing.T) {
	t.Parallel()
	o := quickSim
	o.Delay = 4 * time.Second
	p := newPool(t, 1, o, hasty)
	p.work()
	taken := p.admit(tasks.Terms{}, good(sample.NIP(0), 8)...)
	inspector := asynq.NewInspectorFromRedisClient(p.base.Asynq)
	until(t, 30*time.Second, "the confirm task waits and is deleted", func() bool {
		inv := p.state(taken[0])
		if inv.State != ledger.Sent {
			return false
		}
		return inspector.DeleteTask(tasks.QueueConfirm, tasks.TaskID(tasks.KindConfirm, inv.Package, 0)) == nil
	})
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(8)
}

func TestRecovery_SamePackageDeliveredTwice_OnlyOneSessionIsClosed(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	taken := p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 40)...)
	p.work()
	p.work()
	until(t, 30*time.Second, "the package is cut", func() bool { return p.state(taken[0]).Package != "" })
	// The same work under another task id: asynq cannot tell that it is the same, the ledger can.
	client := asynq.NewClientFromRedisClient(p.base.Asynq)
	payload := []byte(`{"v":1,"id":"` + p.state(taken[0]).Package + `"}`)
	for _, id := range []string{"twin-1", "twin-2"} {
		if _, err := client.Enqueue(asynq.NewTask(string(tasks.KindPackage), payload), asynq.Queue(tasks.QueuePackages), asynq.TaskID(id)); err != nil {
			t.Fatal(err)
		}
	}
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(40)
}

func TestRecovery_SessionLostByTheGateway_NumbersAreFoundAndNothingIsSentAgain(t *testing.T) {
	t.Parallel()
	o := quickSim
	o.Faults = []simulator.Fault{{On: "close", Kind: simulator.Lost}}
	p := newPool(t, 1, o, hasty)
	p.work()
	taken := p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 6)...)
	until(t, 60*time.Second, "the gateway's ignorance is noted", func() bool {
		inv := p.state(taken[0])
		if inv.Package == "" {
			return false
		}
		pkg, err := p.base.Ledger.Package(t.Context(), inv.Package)
		return err == nil && pkg.Lost != 0
	})
	// The noted instant is set back instead of waiting for ten minutes.
	pkg := p.state(taken[0]).Package
	if err := p.base.Redis.HSet(t.Context(), "ksef:pkg:"+pkg, "lost", time.Now().Add(-time.Hour).UnixMilli()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := p.base.Queue.Put(t.Context(), tasks.KindConfirm, pkg, 0, tasks.When{Run: true}); err != nil {
		t.Fatal(err)
	}
	for _, inv := range p.wait(60*time.Second, taken, ledger.Accepted) {
		if !inv.Recovered || inv.KsefNumber == "" {
			t.Errorf("%s is accepted as %q, want the number that the register has", inv.Number, inv.KsefNumber)
		}
	}
	p.balanced(6)
	if n := len(p.sim.Books().Sessions); n != 1 {
		t.Errorf("%d sessions, want the lost one alone: sending anew could make duplicates", n)
	}
}

func TestRecovery_RedisRestartedInTheMiddle_BooksBalanced(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	p.work()
	taken := p.admit(tasks.Terms{Lane: ledger.Express}, good(sample.NIP(0), 5)...)
	taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 60)[5:]...)...)
	until(t, 30*time.Second, "something is on its way", func() bool { return p.state(taken[10]).State != ledger.Queued })
	if err := p.base.Redis.Save(t.Context()).Err(); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
	if err := p.redis.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.wait(120*time.Second, taken, ledger.Receipted)
	p.balanced(60)
}

func TestRecovery_WorkerStopsInTheMiddle_AnotherGoesOn(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	stop := p.work()
	taken := p.admit(tasks.Terms{Lane: ledger.Express}, good(sample.NIP(0), 4)...)
	taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 60)[4:]...)...)
	until(t, 30*time.Second, "something is on its way", func() bool { return p.state(taken[10]).State != ledger.Queued })
	began := time.Now()
	stop()
	if took := time.Since(began); took > p.cfg.Worker.ShutdownTimeout+6*time.Second {
		t.Errorf("the stop took %v, allowed are %v and the closing of sessions", took, p.cfg.Worker.ShutdownTimeout)
	}
	p.work()
	p.wait(120*time.Second, taken, ledger.Receipted)
	p.balanced(60)
}
