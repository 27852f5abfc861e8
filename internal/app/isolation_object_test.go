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
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// sickSessions answer 503 to one operation of whichever sessions are asked about first, and count what
// is asked.
type sickSessions struct {
	prefix string // of the operation's path
	most   int

	mu   sync.Mutex
	refs []string
	sick []time.Time
	well int
}

func (s *sickSessions) judge(r *http.Request) int {
	ref, its := strings.CutPrefix(r.URL.Path, s.prefix)
	if !its {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.refs) < s.most && !slices.Contains(s.refs, ref) {
		s.refs = append(s.refs, ref)
	}
	if !slices.Contains(s.refs, ref) {
		s.well++
		return 0
	}
	s.sick = append(s.sick, time.Now())
	return http.StatusServiceUnavailable
}

func (s *sickSessions) asked() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.sick) }

// One session is sick for ever. While nothing else of its tenant is asked about, nobody else opens or
// closes circuits: a package that comes then goes its way as if there were no other.
func TestIsolation_OneSessionIs503_OthersOfItsTenantAreUnhindered(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"status", "upo"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			var s *sieve
			p := newPool(t, 1, openSim, func(c *config.Config) {
				open(c)
				c.Packages.ExpressBelow = 0
				s = newSieve(t, c)
			})
			nip, one := sample.NIP(0), &sickSessions{prefix: "/invoice/session/" + operation + "/", most: 1}
			s.set(one.judge)
			addr, _ := p.workAt()
			p.work()
			sick := p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(nip, "SICK", 1)...)
			// Both workers have asked more often than it takes to open a circuit.
			until(t, 120*time.Second, "the sick one is asked about in vain", func() bool { return one.asked() >= 5 })
			var worst time.Duration
			for i := range 4 {
				began := time.Now()
				well := p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(nip, fmt.Sprint("W", i), 1)...)
				until(t, 60*time.Second, "a healthy package is receipted", p.all(well, receipted))
				worst = max(worst, time.Since(began))
			}
			if state := p.state(sick[0]).State; state == receipted {
				t.Fatalf("the sick one is %s: nothing was sick", state)
			}
			one.mu.Lock()
			t.Logf("slowest healthy package %v; the sick one was asked about %d times in %v, others %d times", worst.Round(time.Millisecond),
				len(one.sick), time.Since(one.sick[0]).Round(time.Second), one.well)
			one.mu.Unlock()
			if worst > 20*time.Second {
				t.Errorf("a healthy package took %v", worst)
			}
			if metrics := get(t, "http://"+addr+"/metrics"); strings.Contains(metrics, "ksef_circuit_open{") {
				t.Error("a circuit is open because of one session")
			}
			s.mend()
			p.wait(300*time.Second, sick, receipted)
			p.balanced(5)
		})
	}
}

// Two are sick, which might be an outage: the circuit opens, and its delay has grown when a package comes
// that is well. It need not wait for the delay to end.
func TestIsolation_TwoSessionsAre503_ANewcomerHasItsTurn(t *testing.T) {
	t.Parallel()
	var s *sieve
	p := newPool(t, 1, openSim, func(c *config.Config) {
		open(c)
		c.Packages.ExpressBelow, c.Packages.MaxInvoices = 0, 1
		s = newSieve(t, c)
	})
	nip, two := sample.NIP(0), &sickSessions{prefix: "/invoice/session/status/", most: 2}
	s.set(two.judge)
	p.work()
	p.work()
	sick := p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(nip, "SICK", 2)...)
	circuit := "ksef:circuit:" + strings.TrimPrefix(s.addr, "http://") + "|" + nip + ":sessionMisc"
	until(t, 240*time.Second, "the delay has grown to forty seconds", func() bool {
		opened, _ := p.base.Redis.HGet(t.Context(), circuit, "opened").Int()
		return opened >= 4
	})
	began := time.Now()
	well := p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(nip, "W", 1)...)
	until(t, 120*time.Second, "the healthy package is receipted", p.all(well, receipted))
	took := time.Since(began)
	t.Logf("the healthy package took %v beside two that are sick", took.Round(time.Millisecond))
	if took > 25*time.Second {
		t.Errorf("the healthy package took %v", took)
	}
	s.mend()
	p.wait(400*time.Second, sick, receipted)
	p.balanced(3)
}
