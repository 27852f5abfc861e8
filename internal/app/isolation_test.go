package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// delayed is the time from which a send counts as held up by requests that fail for another tenant
// or operation. A busy machine alone delays a send by only a few seconds.
const delayed = 20 * time.Second

// slowestSend hands in n invoices of a tenant, one after the other, and returns the longest time
// until KSeF had an invoice.
func (p *pool) slowestSend(nip string, n int) (slowest time.Duration) {
	p.t.Helper()
	for i := range n {
		began := time.Now()
		one := p.admit(intake.Terms{Lane: ledger.Express}, numbered(nip, fmt.Sprint("W", i), 1)...)
		until(p.t, 30*time.Second, "the invoice is in KSeF", p.all(one, ledger.Sent, accepted, receipted))
		slowest = max(slowest, time.Since(began))
	}
	return slowest
}

// All requests of one tenant fail. Another tenant's requests are not delayed meanwhile, and the
// first tenant's invoices follow when its requests work again.
func TestIsolation_OneTenantIs502_OthersAreNotDelayed(t *testing.T) {
	t.Parallel()
	p, s := newInterceptedPool(t, 2, openSim, open)
	sick, healthy := sample.NIP(0), sample.NIP(1)
	s.set(func(r *http.Request) int {
		if tenantOf(r) == sick {
			return http.StatusBadGateway
		}
		return 0
	})
	addr, _ := p.workAt()
	p.work()
	waiting := p.admit(intake.Terms{Lane: ledger.Express}, numbered(sick, "S", 40)...)
	waiting = append(waiting, p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(sick, "SB", 40)...)...)
	until(t, 30*time.Second, "metrics and readiness show which circuit is open", func() bool {
		series := fmt.Sprintf(`ksef_circuit_open{group="other:publicKey",tenant="%s"} 1`, sick)
		return strings.Contains(page(t, addr, "/metrics"), series) &&
			strings.Contains(page(t, addr, "/readyz"), "other:publicKey is out of service")
	})
	slowest := p.slowestSend(healthy, 30)
	t.Logf("30 single sends of the healthy tenant, the slowest took %v", slowest.Round(time.Millisecond))
	if slowest > delayed {
		t.Errorf("a send of the healthy tenant took %v, want at most %v", slowest, delayed)
	}
	bulk := p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(healthy, "WB", 50)...)
	until(t, 30*time.Second, "the healthy tenant's package is receipted", p.all(bulk, receipted))
	for line := range strings.Lines(page(t, addr, "/metrics")) {
		if strings.HasPrefix(line, "ksef_circuit_open{") && !strings.Contains(line, sick) {
			t.Errorf("besides the sick tenant, this is shown as out of service: %s", line)
		}
	}
	if log := p.log.String(); !strings.Contains(log, "does not answer this tenant's requests") ||
		strings.Contains(log, "the gateway is out of service") {
		t.Error("the log does not say that this tenant's requests fail, or says that the whole gateway is out of service")
	}
	s.clear()
	for _, inv := range p.wait(120*time.Second, waiting, receipted) {
		if inv.Attempts > 1 || inv.Resends != 0 {
			t.Errorf("%s: waiting used up %d attempts and %d resends, want at most one attempt and no resend",
				inv.Number, inv.Attempts, inv.Resends)
		}
	}
	p.balanced(40 + 40 + 30 + 50)
	if !strings.Contains(p.log.String(), "answers this tenant's requests of this group again") {
		t.Error("the log does not say that the outage is over")
	}
}

// Only the operation for receipts fails, for all tenants. Sends and packages of the same tenants go
// on and are accepted.
func TestIsolation_OnlyUPOIs503_SendsAndPackagesGoOn(t *testing.T) {
	t.Parallel()
	p, s := newInterceptedPool(t, 2, openSim, openPackages)
	s.set(func(r *http.Request) int {
		if isUPO(r) {
			return http.StatusServiceUnavailable
		}
		return 0
	})
	addr, _ := p.workAt()
	p.work()
	a, b := sample.NIP(0), sample.NIP(1)
	first := p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(a, "A", 40)...)
	first = append(first, p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(b, "B", 40)...)...)
	until(t, 30*time.Second, "all 80 invoices are accepted", p.all(first, accepted))
	until(t, 30*time.Second, "requests for receipts are out of service for both tenants", func() bool {
		return strings.Count(page(t, addr, "/metrics"), `ksef_circuit_open{group="sessionMisc:upo"`) == 2
	})
	var slowest time.Duration
	for i := range 20 {
		nip := []string{a, b}[i%2]
		began := time.Now()
		one := p.admit(intake.Terms{Lane: ledger.Express}, numbered(nip, fmt.Sprint("E", i), 1)...)
		until(t, 20*time.Second, "the invoice is in KSeF", p.all(one, ledger.Sent, accepted))
		slowest = max(slowest, time.Since(began))
		first = append(first, one...)
	}
	began := time.Now()
	second := p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(a, "A2", 40)...)
	until(t, 30*time.Second, "eight more packages are accepted", p.all(second, accepted))
	t.Logf("slowest of 20 sends %v, eight packages in %v", slowest.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if slowest > delayed || time.Since(began) > 30*time.Second {
		t.Errorf("the slowest send took %v and eight packages %v, want at most %v and 30 s", slowest, time.Since(began), delayed)
	}
	if ready := page(t, addr, "/readyz"); !strings.Contains(ready, "sessionMisc:upo is out of service") ||
		!strings.Contains(ready, `"ready": true`) {
		t.Errorf("readiness is %s, want ready, with the receipts named as out of service", ready)
	}
	s.clear()
	p.wait(120*time.Second, append(first, second...), receipted)
	p.balanced(140)
}

// The gateway does not answer the sends of one tenant. While they hang, they leave worker slots to
// another tenant's sends, and the host does not count as down.
func TestIsolation_OneTenantHangs_OthersAreNotDelayed(t *testing.T) {
	t.Parallel()
	// A send that had to wait for the sick tenant's requests would wait this long, which is longer
	// than a busy machine delays a send.
	const timeout = time.Minute
	p, s := newInterceptedPool(t, 2, openSim, func(c *config.Config) {
		open(c)
		c.Gateway.Timeout = timeout
	})
	sick, healthy := sample.NIP(0), sample.NIP(1)
	released := make(chan struct{})
	var hanging, maxHanging atomic.Int64
	s.set(func(r *http.Request) int {
		if tenantOf(r) == sick && strings.HasPrefix(r.URL.Path, "/invoice/send") {
			n := hanging.Add(1)
			for m := maxHanging.Load(); n > m && !maxHanging.CompareAndSwap(m, n); m = maxHanging.Load() {
			}
			select {
			case <-r.Context().Done():
			case <-released:
			}
			hanging.Add(-1)
			return http.StatusBadGateway
		}
		return 0
	})
	t.Cleanup(func() { close(released) })
	p.work()
	p.admit(intake.Terms{Lane: ledger.Express}, numbered(sick, "S", 60)...)
	until(t, 20*time.Second, "a send of the sick tenant hangs", func() bool { return hanging.Load() > 0 })
	slowest := p.slowestSend(healthy, 20)
	t.Logf("slowest of 20 sends beside a tenant that hangs %v, at most %d of its requests hung at once",
		slowest.Round(time.Millisecond), maxHanging.Load())
	if slowest > delayed {
		t.Errorf("a send of the healthy tenant took %v, want at most %v", slowest, delayed)
	}
}
