package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// sickSession answers 503 to one operation of whichever session is asked about first, and counts what
// is asked.
type sickSession struct {
	prefix string // of the operation's path

	mu   sync.Mutex
	ref  string
	sick []time.Time
	well int
}

func (s *sickSession) judge(r *http.Request) int {
	ref, its := strings.CutPrefix(r.URL.Path, s.prefix)
	if !its {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ref == "" {
		s.ref = ref
	}
	if ref != s.ref {
		s.well++
		return 0
	}
	s.sick = append(s.sick, time.Now())
	return http.StatusServiceUnavailable
}

func (s *sickSession) asked() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.sick) }

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
			nip, one := sample.NIP(0), &sickSession{prefix: "/invoice/session/" + operation + "/"}
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
