package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// sickSessions makes one operation fail with 503 for the first n sessions that it is called for,
// and counts the calls.
type sickSessions struct {
	prefix string // of the operation's path
	n      int

	mu      sync.Mutex
	refs    []string    // the sick sessions
	failed  []time.Time // when the operation was called for a sick session
	healthy int         // calls for all other sessions
}

func (s *sickSessions) decide(r *http.Request) int {
	ref, its := strings.CutPrefix(r.URL.Path, s.prefix)
	if !its {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.refs) < s.n && !slices.Contains(s.refs, ref) {
		s.refs = append(s.refs, ref)
	}
	if !slices.Contains(s.refs, ref) {
		s.healthy++
		return 0
	}
	s.failed = append(s.failed, time.Now())
	return http.StatusServiceUnavailable
}

func (s *sickSessions) failures() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.failed) }

// The requests about one session fail again and again. While it is the tenant's only session, no
// other request of the group could close the group's circuit again. So one session must not open
// the circuit, and packages that come later are not delayed.
func TestIsolation_OneSessionIs503_OtherPackagesOfItsTenantAreNotDelayed(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"status", "upo"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			p, s := newInterceptedPool(t, 1, openSim, func(c *config.Config) {
				open(c)
				c.Packages.ExpressBelow = 0
			})
			nip, one := sample.NIP(0), &sickSessions{prefix: "/invoice/session/" + operation + "/", n: 1}
			s.set(one.decide)
			addr, _ := p.workAt()
			p.work()
			sick := p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(nip, "SICK", 1)...)
			// Five failures would open a circuit if they were not about one session alone.
			until(t, 120*time.Second, "the sick session has failed five times", func() bool { return one.failures() >= 5 })
			var slowest time.Duration
			for i := range 4 {
				began := time.Now()
				healthy := p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(nip, fmt.Sprint("W", i), 1)...)
				until(t, 60*time.Second, "a healthy package is receipted", p.all(healthy, receipted))
				slowest = max(slowest, time.Since(began))
			}
			if state := p.state(sick[0]).State; state == receipted {
				t.Fatalf("the invoice of the sick session is %s: the session was not sick", state)
			}
			one.mu.Lock()
			t.Logf("slowest healthy package %v; %d calls for the sick session in %v, %d for the others",
				slowest.Round(time.Millisecond), len(one.failed), time.Since(one.failed[0]).Round(time.Second), one.healthy)
			one.mu.Unlock()
			if slowest > 20*time.Second {
				t.Errorf("a healthy package took %v, want at most 20 s", slowest)
			}
			if metrics := page(t, addr, "/metrics"); strings.Contains(metrics, "ksef_circuit_open{") {
				t.Error("a circuit is open because of one session")
			}
			s.clear()
			p.wait(300*time.Second, sick, receipted)
			p.balanced(5)
		})
	}
}

// The requests about two sessions fail. This may be an outage, so the circuit opens and its delay
// grows. A healthy package that comes during such a delay need not wait for its end.
func TestIsolation_TwoSessionsAre503_AHealthyPackageDoesNotWaitForTheDelay(t *testing.T) {
	t.Parallel()
	p, s := newInterceptedPool(t, 1, openSim, func(c *config.Config) {
		open(c)
		c.Packages.ExpressBelow, c.Packages.MaxInvoices = 0, 1
	})
	nip, two := sample.NIP(0), &sickSessions{prefix: "/invoice/session/status/", n: 2}
	s.set(two.decide)
	p.work()
	p.work()
	sick := p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(nip, "SICK", 2)...)
	circuit := "ksef:circuit:" + s.host() + "|" + nip + ":sessionMisc"
	until(t, 240*time.Second, "the delay has grown to forty seconds", func() bool {
		opened, _ := p.base.Redis.HGet(t.Context(), circuit, "opened").Int()
		return opened >= 4
	})
	began := time.Now()
	healthy := p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(nip, "W", 1)...)
	until(t, 120*time.Second, "the healthy package is receipted", p.all(healthy, receipted))
	took := time.Since(began)
	t.Logf("the healthy package took %v beside two sick ones", took.Round(time.Millisecond))
	if took > 25*time.Second {
		t.Errorf("the healthy package took %v, want at most 25 s", took)
	}
	s.clear()
	p.wait(400*time.Second, sick, receipted)
	p.balanced(3)
}
