package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// One tenant's requests all fail, with another's in between: those go as if nothing were the
// matter, and the first tenant's follow when it is well.
func TestIsolation_OneTenantIs502_OthersAreUnhindered(t *testing.T) {
	t.Parallel()
	var s *sieve
	p := newPool(t, 2, openSim, func(c *config.Config) { open(c); s = newSieve(t, c) })
	sick, well := sample.NIP(0), sample.NIP(1)
	s.set(func(r *http.Request) int {
		if tenantOf(r) == sick {
			return http.StatusBadGateway
		}
		return 0
	})
	addr, _ := p.workAt()
	p.work()
	waiting := p.admit(tasks.Terms{Lane: ledger.Express}, numbered(sick, "S", 40)...)
	waiting = append(waiting, p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(sick, "SB", 40)...)...)
	until(t, 30*time.Second, "metrics and readiness say which circuit is open", func() bool {
		series := fmt.Sprintf(`ksef_circuit_open{group="other:publicKey",tenant="%s"} 1`, sick)
		return strings.Contains(get(t, "http://"+addr+"/metrics"), series) &&
			strings.Contains(get(t, "http://"+addr+"/readyz"), "other:publicKey is out of service")
	})
	var worst time.Duration
	for i := range 30 {
		began := time.Now()
		one := p.admit(tasks.Terms{Lane: ledger.Express}, numbered(well, fmt.Sprint("W", i), 1)...)
		until(t, 20*time.Second, "it is with KSeF", p.all(one, ledger.Sent, accepted, receipted))
		worst = max(worst, time.Since(began))
	}
	t.Logf("30 single sends of the healthy tenant, the slowest took %v", worst.Round(time.Millisecond))
	if worst > 3*time.Second {
		t.Errorf("a send of the healthy tenant took %v", worst)
	}
	bulk := p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(well, "WB", 50)...)
	until(t, 30*time.Second, "its package is receipted", p.all(bulk, receipted))
	for line := range strings.Lines(get(t, "http://"+addr+"/metrics")) {
		if strings.HasPrefix(line, "ksef_circuit_open{") && !strings.Contains(line, sick) {
			t.Errorf("more than the sick tenant is shown as out of service: %s", line)
		}
	}
	if log := p.log.String(); !strings.Contains(log, "does not answer this tenant's requests") ||
		strings.Contains(log, "the gateway is out of service") {
		t.Error("the log does not say what is out of service")
	}
	s.mend()
	for _, inv := range p.wait(120*time.Second, waiting, receipted) {
		if inv.Attempts > 1 || inv.Resends != 0 {
			t.Errorf("%s: %d attempts and %d resends were used up by waiting", inv.Number, inv.Attempts, inv.Resends)
		}
	}
	p.balanced(40 + 40 + 30 + 50)
	if !strings.Contains(p.log.String(), "answers this tenant's requests of this group again") {
		t.Error("the log does not say that it is over")
	}
}

// The receipts' operation alone is broken, for everybody: sends and packages of all go on, the same
// tenant's included, and are accepted.
func TestIsolation_UPOAloneIs503_SendsAndPackagesGoOn(t *testing.T) {
	t.Parallel()
	var s *sieve
	p := newPool(t, 2, openSim, func(c *config.Config) {
		open(c)
		c.Packages.MaxInvoices, c.Packages.ExpressBelow = 5, 0
		s = newSieve(t, c)
	})
	s.set(func(r *http.Request) int {
		if isUPO(r) {
			return http.StatusServiceUnavailable
		}
		return 0
	})
	addr, _ := p.workAt()
	p.work()
	a, b := sample.NIP(0), sample.NIP(1)
	first := p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(a, "A", 40)...)
	first = append(first, p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(b, "B", 40)...)...)
	until(t, 30*time.Second, "all are accepted", p.all(first, accepted))
	until(t, 30*time.Second, "both tenants' receipts are known to be out of service", func() bool {
		return strings.Count(get(t, "http://"+addr+"/metrics"), `ksef_circuit_open{group="sessionMisc:upo"`) == 2
	})
	var worst time.Duration
	for i := range 20 {
		nip := []string{a, b}[i%2]
		began := time.Now()
		one := p.admit(tasks.Terms{Lane: ledger.Express}, numbered(nip, fmt.Sprint("E", i), 1)...)
		until(t, 20*time.Second, "it is with KSeF", p.all(one, ledger.Sent, accepted))
		worst = max(worst, time.Since(began))
		first = append(first, one...)
	}
	began := time.Now()
	second := p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(a, "A2", 40)...)
	until(t, 30*time.Second, "eight more packages are accepted", p.all(second, accepted))
	t.Logf("slowest of 20 sends %v, eight packages in %v", worst.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if worst > 3*time.Second || time.Since(began) > 15*time.Second {
		t.Error("sends or packages wait for the receipts")
	}
	if ready := get(t, "http://"+addr+"/readyz"); !strings.Contains(ready, "sessionMisc:upo is out of service") ||
		!strings.Contains(ready, `"ready": true`) {
		t.Errorf("readiness says %s", ready)
	}
	s.mend()
	p.wait(120*time.Second, append(first, second...), receipted)
	p.balanced(140)
}

// The gateway does not fail for one tenant but hangs. The worker's slots are not all taken by that
// tenant's requests, nor does anybody think that the host is down.
func TestIsolation_OneTenantHangs_OthersAreUnhindered(t *testing.T) {
	t.Parallel()
	var s *sieve
	p := newPool(t, 2, openSim, func(c *config.Config) {
		open(c)
		c.Gateway.Timeout = 10 * time.Second
		s = newSieve(t, c)
	})
	sick, well := sample.NIP(0), sample.NIP(1)
	released := make(chan struct{})
	var hanging, most atomic.Int64
	s.set(func(r *http.Request) int {
		if tenantOf(r) == sick && strings.HasPrefix(r.URL.Path, "/invoice/send") {
			n := hanging.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
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
	p.admit(tasks.Terms{Lane: ledger.Express}, numbered(sick, "S", 60)...)
	until(t, 20*time.Second, "the sick tenant hangs", func() bool { return hanging.Load() > 0 })
	var worst time.Duration
	for i := range 20 {
		began := time.Now()
		one := p.admit(tasks.Terms{Lane: ledger.Express}, numbered(well, fmt.Sprint("W", i), 1)...)
		until(t, 30*time.Second, "it is with KSeF", p.all(one, ledger.Sent, accepted, receipted))
		worst = max(worst, time.Since(began))
	}
	t.Logf("slowest of 20 sends beside a tenant that hangs %v, at most %d of its requests hung at once",
		worst.Round(time.Millisecond), most.Load())
	if worst > 3*time.Second {
		t.Errorf("a send of the healthy tenant took %v", worst)
	}
}
