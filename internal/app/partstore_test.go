package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// The store that takes the parts fails in several ways. Packages that have a session keep the
// session and wait, unless the store has refused one of their parts. Other packages open no
// sessions, except a few to try the store. Everything else goes on. When the store is back, the
// packages go on in the sessions that they kept.
func TestPartStore_Down_SessionsAreKeptAndNoneAreWasted(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func() int{
		"503":      func() int { return http.StatusServiceUnavailable },
		"HTML 200": func() int { return http.StatusOK },
		"hangs up": func() int { panic(http.ErrAbortHandler) },
		"refuses":  func() int { return http.StatusForbidden },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, s := newInterceptedPool(t, 2, openSim, openPackages)
			var mu sync.Mutex
			inside, maxInside, asked := 0, 0, 0
			known := false
			s.set(func(r *http.Request) int {
				if !isPart(r) {
					return 0
				}
				mu.Lock()
				defer mu.Unlock()
				if asked++; known {
					inside++
					maxInside = max(maxInside, inside)
					defer func() { inside-- }()
					mu.Unlock()
					<-time.After(50 * time.Millisecond)
					mu.Lock()
				}
				return fault()
			})
			first, _ := p.workAt()
			second, _ := p.workAt()
			var taken []intake.Admission
			for i := range 2 {
				taken = append(taken, p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(i), "A", 40)...)...)
			}
			shown := `ksef_circuit_open{group="part_store",tenant=""} 1`
			// A worker whose connections are cut blames its own network at first. So the other
			// worker goes on until its connections are cut as well.
			for _, addr := range []string{first, second} {
				until(t, 40*time.Second, "metrics and readiness show that the part store is down", func() bool {
					return strings.Contains(page(t, addr, "/metrics"), shown) &&
						strings.Contains(page(t, addr, "/readyz"), "packages wait")
				})
			}
			// After two seconds, requests that were under way when the store went down have ended.
			// From then on there is one probe at a time.
			<-time.After(2 * time.Second)
			mu.Lock()
			known = true
			mu.Unlock()
			opened := func() int { return len(p.sim.Books().Sessions) }
			before := opened()
			for i := range 10 {
				for k := range 2 {
					taken = append(taken, p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(k), fmt.Sprint("B", i), 10)...)...)
				}
				<-time.After(1500 * time.Millisecond)
			}
			// Two workers build three packages each at a time, and one more package of each tenant
			// may probe. When the store refuses a part, the package of that part ends at once.
			// Other packages take its place until two packages of a tenant have been refused.
			if n := opened(); n > before+2 || n > 2*3+2 && name != "refuses" {
				t.Errorf("%d sessions when the store was known to be down, and %d now, want at most two more, and 8 in all unless parts are refused",
					before, n)
			}
			began := time.Now()
			one := p.admit(intake.Terms{Lane: ledger.Express}, numbered(sample.NIP(0), "E", 1)...)
			until(t, 20*time.Second, "a single send is in KSeF", p.all(one, ledger.Sent, accepted, receipted))
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("a single send took %v, want at most 3 s", took)
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
			t.Logf("%d sessions, %d packages keep theirs, %d requests to the store, at most %d at once when known to be down",
				opened(), kept, asked, maxInside)
			if maxInside > 1 {
				t.Errorf("%d requests at once to a store that is known to be down, want at most one", maxInside)
			}
			mu.Unlock()
			s.clear()
			sessions := opened()
			p.wait(240*time.Second, append(taken, one...), receipted)
			p.balanced(len(taken) + 1)
			t.Logf("%d sessions in all for %d invoices", opened(), len(taken)+1)
			// A store that refuses a part does not accept it later, so that session is lost.
			if kept != sessions && name != "refuses" {
				t.Errorf("%d of %d sessions were kept, want all", kept, sessions)
			}
			if !strings.Contains(p.log.String(), "the part store takes parts again") {
				t.Error("the log does not say that the outage is over")
			}
		})
	}
}
