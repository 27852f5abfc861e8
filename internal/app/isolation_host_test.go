package app_test

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// The whole gateway is down. The pool probes it with one request at a time, and not always with a
// request of the same tenant.
func TestIsolation_HostDown_OneProbeAtATimeOfRotatingTenants(t *testing.T) {
	t.Parallel()
	m := &timeMachine{}
	p, s := newInterceptedPool(t, 2, openSim, func(c *config.Config) {
		open(c)
		c.Packages.ExpressBelow = 0
		c.Sweep.After = time.Hour
	})
	m.pool, m.inspector = p, asynq.NewInspectorFromRedisClient(p.base.Asynq)
	p.now = m.clock
	var known atomic.Bool
	var mu sync.Mutex
	probes := map[string]int{} // by tenant
	inside, maxInside := 0, 0
	badGateway := func(r *http.Request) int {
		mu.Lock()
		defer mu.Unlock()
		if known.Load() {
			probes[tenantOf(r)]++
			inside++
			maxInside = max(maxInside, inside)
			mu.Unlock()
			<-time.After(30 * time.Millisecond) // long enough for a second request to come
			mu.Lock()
			inside--
		}
		return http.StatusBadGateway
	}
	s.set(badGateway)
	addr, _ := p.workAt()
	p.work()
	var taken []intake.Admission
	for i := range 2 {
		taken = append(taken, p.admitBoth(sample.NIP(i), "FIRST", 5, 5)...)
	}
	down := func() bool { return p.base.Redis.HGet(t.Context(), "ksef:circuit:"+s.host(), "until").Val() > "0" }
	// Nothing has been sent yet, so workers ask for public keys only. These requests are of one
	// group and two tenants. The failure of one group does not mean that the host is down.
	until(t, 30*time.Second, "requests for public keys are out of service for both tenants", func() bool {
		return strings.Count(page(t, addr, "/metrics"), `ksef_circuit_open{group="other:publicKey"`) == 2
	})
	if down() {
		t.Error("the host counts as down because one group fails for both tenants")
	}
	s.clear()
	until(t, 60*time.Second, "all invoices are receipted", func() bool { m.skip(5 * time.Second); return p.all(taken, receipted)() })

	s.set(badGateway)
	taken = nil
	for i := range 2 {
		taken = append(taken, p.admitBoth(sample.NIP(i), "SECOND", 5, 5)...)
	}
	until(t, 60*time.Second, "the host is known to be down", func() bool { m.skip(time.Second); return down() })
	known.Store(true)
	// After a failed probe of one tenant, the other tenants go first for five seconds of real time.
	// On a loaded machine one round takes that long, so there are more rounds while one tenant has
	// not probed yet.
	rounds := 0
	probed := func(i int) bool {
		mu.Lock()
		defer mu.Unlock()
		return probes[sample.NIP(i)] > 0
	}
	for ; rounds < 12 || rounds < 60 && !(probed(0) && probed(1)); rounds++ {
		m.pass(5 * time.Minute)
	}
	mu.Lock()
	t.Logf("%d rounds: probes %v, at most %d at once", rounds, probes, maxInside)
	if maxInside > 1 || probes[sample.NIP(0)] == 0 || probes[sample.NIP(1)] == 0 {
		t.Errorf("probes %v, at most %d at once; want some of each tenant, one at a time", probes, maxInside)
	}
	if n := probes[sample.NIP(0)] + probes[sample.NIP(1)]; n > 2*rounds {
		t.Errorf("%d probes in %d rounds, want at most two in each round", n, rounds)
	}
	mu.Unlock()
	if ready := page(t, addr, "/readyz"); !strings.Contains(ready, "no answer since") {
		t.Errorf("readiness does not say since when the gateway has not answered: %s", ready)
	}
	s.clear()
	until(t, 60*time.Second, "all invoices are receipted", func() bool { m.skip(5 * time.Second); return p.all(taken, receipted)() })
	p.balanced(40)
}

// One worker that cannot connect at all does not stop the pool. Two such workers count as an
// outage.
func TestIsolation_OneWorkerCannotConnect_ThePoolIsNotStopped(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	p := newPool(t, 1, openSim, func(c *config.Config) { open(c); c.Gateway.URL = "http://" + addr })
	at, _ := p.workAt()
	p.admit(intake.Terms{Lane: ledger.Express}, numbered(sample.NIP(0), "E", 5)...)
	until(t, 30*time.Second, "the worker's metrics show that it cannot connect", func() bool {
		return strings.Contains(page(t, at, "/metrics"), `ksef_circuit_open{group="connect",tenant=""} 1`)
	})
	keys := p.base.Redis.Keys(t.Context(), "ksef:circuit:*").Val()
	if len(keys) != 1 || p.base.Redis.HExists(t.Context(), keys[0], "until").Val() {
		t.Errorf("the pool's circuits are %v, want one, which is closed: one worker that cannot connect must not stop the pool", keys)
	}
	p.work()
	until(t, 60*time.Second, "two workers that cannot connect count as an outage", func() bool {
		return strings.Contains(page(t, at, "/metrics"), `ksef_circuit_open{group="host",tenant=""} 1`)
	})
}
