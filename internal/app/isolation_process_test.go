package app_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"ksefworker/internal/app"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// One of two workers is behind a proxy that answers 502 to everything, while the gateway works.
// That worker leaves its tasks to the other one, shows why, and does not stop the pool.
func TestIsolation_OneWorkersProxyAnswers502_TheOtherWorkerDoesTheWork(t *testing.T) {
	t.Parallel()
	p, s := newInterceptedPool(t, 2, quickSim, hasty)
	s.set(func(r *http.Request) int {
		if strings.Contains(r.UserAgent(), "sickproxy") {
			return http.StatusBadGateway
		}
		return 0
	})
	run := func(series string) time.Duration {
		began := time.Now()
		taken := p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(0), series+"/B", 10)...)
		taken = append(taken, p.admit(intake.Terms{Lane: ledger.Express}, numbered(sample.NIP(1), series+"/E", 5)...)...)
		until(t, 90*time.Second, "fifteen invoices are receipted", p.all(taken, receipted))
		return time.Since(began)
	}
	healthy, _ := p.workAt()
	alone := run("ALONE")
	before := p.cfg.Gateway.UserAgent
	p.cfg.Gateway.UserAgent = "sickproxy"
	sick, _ := p.workAt()
	p.cfg.Gateway.UserAgent = before
	const rounds = 3
	slowest := time.Duration(0)
	for _, series := range []string{"ONE", "TWO", "THREE"}[:rounds] {
		took := run(series)
		t.Logf("%s took %v", series, took.Round(time.Second/10))
		slowest = max(slowest, took)
		if strings.Contains(page(t, healthy, "/metrics"), "ksef_circuit_open{") {
			t.Error("the pool's circuits hold the healthy worker back")
		}
	}
	t.Logf("15 invoices: %v by one worker, at most %v beside a worker with a sick proxy",
		alone.Round(time.Second/10), slowest.Round(time.Second/10))
	if slowest > 3*alone+20*time.Second {
		t.Errorf("15 invoices took %v beside a worker with a sick proxy and %v without that worker, want at most %v beside it",
			slowest, alone, 3*alone+20*time.Second)
	}
	if ready := page(t, sick, "/readyz"); !strings.Contains(ready, "this process has had no proper answer") {
		t.Errorf("readiness of the worker with the sick proxy does not say that it gets no proper answer: %s", ready)
	}
	if metrics := page(t, sick, "/metrics"); !strings.Contains(metrics, "ksef_circuit_open{") {
		t.Error("the metrics of the worker with the sick proxy show no open circuit")
	}
	if !strings.Contains(p.log.String(), "this process gets no proper answer from the gateway") {
		t.Error("the log does not say that one process gets no proper answer")
	}
	p.balanced(15 * (1 + rounds))
}

// cannotConnect makes and starts a worker for which every try to connect to KSeF ends with an error
// of the operating system.
func (p *pool) cannotConnect(call string, why syscall.Errno) (addr string) {
	p.t.Helper()
	w := p.newWorker(p.open())
	app.SetDial(w, func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError(call, why)}
	})
	p.start(w)
	return w.Addr()
}

// Some workers cannot connect: one that has lost its network, or two that have no file descriptors
// left. They leave their tasks to a healthy worker, and their pauses do not delay the healthy
// worker. The pool does not take the host for down.
func TestIsolation_WorkersCannotConnect_AHealthyOneDoesTheWork(t *testing.T) {
	for name, of := range map[string]struct {
		call    string
		why     syscall.Errno
		workers int
	}{
		"no network":          {"connect", syscall.ENETUNREACH, 1},
		"no file descriptors": {"socket", syscall.EMFILE, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, 2, quickSim, hasty)
			run := func(series string) time.Duration {
				began := time.Now()
				taken := p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(0), series+"/B", 10)...)
				taken = append(taken, p.admit(intake.Terms{Lane: ledger.Express}, numbered(sample.NIP(1), series+"/E", 5)...)...)
				until(t, 90*time.Second, "fifteen invoices are receipted", p.all(taken, receipted))
				return time.Since(began)
			}
			healthy, _ := p.workAt()
			alone := run("ALONE")
			var sick []string
			for range of.workers {
				sick = append(sick, p.cannotConnect(of.call, of.why))
			}
			const rounds = 3
			slowest := time.Duration(0)
			for _, series := range []string{"ONE", "TWO", "THREE"}[:rounds] {
				took := run(series)
				t.Logf("%s took %v", series, took.Round(time.Second/10))
				slowest = max(slowest, took)
				if strings.Contains(page(t, healthy, "/metrics"), "ksef_circuit_open{") {
					t.Error("the pool's circuits hold the healthy worker back")
				}
			}
			t.Logf("15 invoices: %v by one worker, at most %v beside those that cannot connect",
				alone.Round(time.Second/10), slowest.Round(time.Second/10))
			if slowest > 3*alone+20*time.Second {
				t.Errorf("15 invoices took %v beside workers that cannot connect and %v without those workers, want at most %v beside them",
					slowest, alone, 3*alone+20*time.Second)
			}
			for _, addr := range sick {
				if ready := page(t, addr, "/readyz"); !strings.Contains(ready, "this process has not been able to connect") {
					t.Errorf("readiness of a worker that cannot connect does not say that it cannot: %s", ready)
				}
			}
			p.balanced(15 * (1 + rounds))
		})
	}
}
