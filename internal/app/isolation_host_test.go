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
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// Everything is away. What asks whether it is back is one request of the pool at a time, and not
// always the same tenant's.
func TestIsolation_HostDown_OneProbeAtATime_Rotating(t *testing.T) {
	t.Parallel()
	var s *sieve
	m := &timeMachine{}
	p := newPool(t, 2, openSim, func(c *config.Config) {
		open(c)
		c.Packages.ExpressBelow = 0
		c.Sweep.After = time.Hour
		s = newSieve(t, c)
	})
	m.pool, m.inspector = p, asynq.NewInspectorFromRedisClient(p.base.Asynq)
	p.now = m.clock
	host := strings.TrimPrefix(s.addr, "http://")
	var known atomic.Bool
	var mu sync.Mutex
	asked := map[string]int{}
	inside, crowd := 0, 0
	away := func(r *http.Request) int {
		mu.Lock()
		defer mu.Unlock()
		if known.Load() {
			asked[tenantOf(r)]++
			inside++
			crowd = max(crowd, inside)
			mu.Unlock()
			<-time.After(30 * time.Millisecond) // long enough for a second one to come
			mu.Lock()
			inside--
		}
		return http.StatusBadGateway
	}
	s.set(away)
	addr, _ := p.workAt()
	p.work()
	var taken []tasks.Admission
	for i := range 2 {
		taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Express}, numbered(sample.NIP(i), "E", 5)...)...)
		taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(i), "B", 5)...)...)
	}
	down := func() bool { return p.base.Redis.HGet(t.Context(), "ksef:circuit:"+host, "until").Val() > "0" }
	// Before anything has been sent nothing but public keys is asked for: one group, of two
	// tenants. No single operation is taken for the host.
	until(t, 30*time.Second, "both tenants' keys are known to be out of service", func() bool {
		return strings.Count(get(t, "http://"+addr+"/metrics"), `ksef_circuit_open{group="other:publicKey"`) == 2
	})
	if down() {
		t.Error("one group that fails for all is taken for the host")
	}
	s.mend()
	until(t, 60*time.Second, "all is receipted", func() bool { m.skip(5 * time.Second); return p.all(taken, receipted)() })

	s.set(away)
	taken = nil
	for i := range 2 {
		taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Express}, numbered(sample.NIP(i), "E2", 5)...)...)
		taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(i), "B2", 5)...)...)
	}
	until(t, 60*time.Second, "the host is known to be down", func() bool { m.skip(time.Second); return down() })
	known.Store(true)
	// Others go first for five seconds of real time, which a loaded machine takes for a round: so there
	// are more rounds when one tenant had no turn in the first dozen.
	rounds := 0
	had := func(i int) bool {
		mu.Lock()
		defer mu.Unlock()
		return asked[sample.NIP(i)] > 0
	}
	for ; rounds < 12 || rounds < 60 && !(had(0) && had(1)); rounds++ {
		m.pass(5 * time.Minute)
	}
	mu.Lock()
	t.Logf("%d rounds: asked for %v, at most %d at once", rounds, asked, crowd)
	if crowd > 1 || asked[sample.NIP(0)] == 0 || asked[sample.NIP(1)] == 0 {
		t.Errorf("asked for %v, at most %d at once; want each tenant, one at a time", asked, crowd)
	}
	if n := asked[sample.NIP(0)] + asked[sample.NIP(1)]; n > 2*rounds {
		t.Errorf("%d probes in %d rounds", n, rounds)
	}
	mu.Unlock()
	if ready := get(t, "http://"+addr+"/readyz"); !strings.Contains(ready, "no answer since") {
		t.Errorf("readiness says %s", ready)
	}
	s.mend()
	until(t, 60*time.Second, "all is receipted", func() bool { m.skip(5 * time.Second); return p.all(taken, receipted)() })
	p.balanced(40)
}

// A worker that cannot connect at all says so to itself; it takes more than one to stop the pool.
func TestIsolation_OneWorkerCannotConnect_TellsOnlyItself(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	p := newPool(t, 1, openSim, func(c *config.Config) { open(c); c.Gateway.URL = "http://" + addr })
	at, _ := p.workAt()
	p.admit(tasks.Terms{Lane: ledger.Express}, numbered(sample.NIP(0), "E", 5)...)
	until(t, 30*time.Second, "it says that it cannot connect", func() bool {
		return strings.Contains(get(t, "http://"+at+"/metrics"), `ksef_circuit_open{group="connect",tenant=""} 1`)
	})
	keys := p.base.Redis.Keys(t.Context(), "ksef:circuit:*").Val()
	if len(keys) != 1 || p.base.Redis.HExists(t.Context(), keys[0], "until").Val() {
		t.Errorf("%v: one process that cannot connect has stopped the pool", keys)
	}
	p.work()
	until(t, 60*time.Second, "two that cannot are an outage", func() bool {
		return strings.Contains(get(t, "http://"+at+"/metrics"), `ksef_circuit_open{group="host",tenant=""} 1`)
	})
}
