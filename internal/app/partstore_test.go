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

// The store that takes the parts is down, in whatever way: packages wait with what they have, and
// open no sessions for nothing. Everything else goes on, and when it is back so do they, in the
// sessions that they kept.
func TestPartStore_Down_SessionsAreKeptAndNoneAreBurnt(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func() int{
		"503":      func() int { return http.StatusServiceUnavailable },
		"HTML 200": func() int { return http.StatusOK },
		"hangs up": func() int { panic(http.ErrAbortHandler) },
		"refuses":  func() int { return http.StatusForbidden },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s *sieve
			p := newPool(t, 2, openSim, func(c *config.Config) {
				open(c)
				c.Packages.MaxInvoices, c.Packages.ExpressBelow = 5, 0
				s = newSieve(t, c)
			})
			var mu sync.Mutex
			inside, most, asked := 0, 0, 0
			known := false
			s.set(func(r *http.Request) int {
				if !isPart(r) {
					return 0
				}
				mu.Lock()
				defer mu.Unlock()
				if asked++; known {
					inside++
					most = max(most, inside)
					defer func() { inside-- }()
					mu.Unlock()
					<-time.After(50 * time.Millisecond)
					mu.Lock()
				}
				return fault()
			})
			addr, _ := p.workAt()
			p.work()
			var taken []tasks.Admission
			for i := range 2 {
				taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(i), "A", 40)...)...)
			}
			shown := `ksef_circuit_open{group="part_store",tenant=""} 1`
			until(t, 40*time.Second, "metrics and readiness say that the part store is down", func() bool {
				return strings.Contains(get(t, "http://"+addr+"/metrics"), shown) &&
					strings.Contains(get(t, "http://"+addr+"/readyz"), "packages wait")
			})
			// What was under way when the store went has had its answer; from now on one at a time
			// asks.
			<-time.After(2 * time.Second)
			mu.Lock()
			known = true
			mu.Unlock()
			opened := func() int { return len(p.sim.Books().Sessions) }
			before := opened()
			for i := range 10 {
				for k := range 2 {
					taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(k), fmt.Sprint("B", i), 10)...)...)
				}
				<-time.After(1500 * time.Millisecond)
			}
			// Two workers build three packages each at a time; one more of each tenant may find out. A
			// store that refuses ends a package at once, and until two of a tenant were refused others
			// take their places.
			if n := opened(); n > before+2 || n > 2*3+2 && name != "refuses" {
				t.Errorf("%d sessions when the store was known to be down, %d now", before, n)
			}
			began := time.Now()
			one := p.admit(tasks.Terms{Lane: ledger.Express}, numbered(sample.NIP(0), "E", 1)...)
			until(t, 20*time.Second, "a single send goes", p.all(one, ledger.Sent, accepted, receipted))
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("a single send took %v", took)
			}
			ids, err := p.base.Ledger.PackagesInState(t.Context(), ledger.PackageOpened, time.Time{}, time.Now().Add(time.Hour), 100)
			if err != nil {
				t.Fatal(err)
			}
			kept := len(ids)
			log := p.log.String()
			if !strings.Contains(log, `"reason":"part_store"`) || !strings.Contains(log, "the part store is out of service") {
				t.Error("the log does not name the part store")
			}
			if strings.Contains(log, "sig=") {
				t.Error("the log holds a pre-signed address")
			}
			mu.Lock()
			t.Logf("%d sessions, %d packages keep theirs, store asked %d times, at most %d at once when known to be down",
				opened(), kept, asked, most)
			if most > 1 {
				t.Errorf("%d asked at once", most)
			}
			mu.Unlock()
			s.mend()
			sessions := opened()
			p.wait(240*time.Second, append(taken, one...), receipted)
			p.balanced(len(taken) + 1)
			t.Logf("%d sessions in all for %d invoices", opened(), len(taken)+1)
			// A store that refuses a part does not take it later: that session is lost.
			if kept != sessions && name != "refuses" {
				t.Errorf("%d of %d sessions were kept", kept, sessions)
			}
			if !strings.Contains(p.log.String(), "the part store takes parts again") {
				t.Error("the log does not say that it is over")
			}
		})
	}
}
