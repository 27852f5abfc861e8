package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// The store answers 503 to the parts of one tenant, or refuses them. The tenant's packages wait,
// and few sessions are lost. The packages of another tenant are not delayed.
func TestPartStore_OneTenantsPartsAreNotTaken_OthersGoOn(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"503": http.StatusServiceUnavailable, "refuses": http.StatusForbidden} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s *interceptor
			p := newPool(t, 2, openSim, func(c *config.Config) {
				open(c)
				c.Packages.MaxInvoices, c.Packages.ExpressBelow = 5, 0
				s = newInterceptor(t, c)
			})
			sick, well := sample.NIP(0), sample.NIP(1)
			s.set(func(r *http.Request) int {
				if !isPart(r) {
					return 0
				}
				for _, session := range p.sim.Books().Sessions {
					if strings.Contains(session.Account, sick) && strings.Contains(r.URL.Path, strings.ToLower(session.ID)) {
						return status
					}
				}
				return 0
			})
			addr, _ := p.workAt()
			p.work()
			taken := p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(sick, "A", 60)...)
			until(t, 60*time.Second, "metrics name the tenant whose parts are not taken", func() bool {
				return strings.Contains(page(t, addr, "/metrics"), `ksef_circuit_open{group="part_store",tenant="`+sick+`"} 1`)
			})
			if ready := page(t, addr, "/readyz"); !strings.Contains(ready, "packages of tenant "+sick+" wait") {
				t.Errorf("readiness does not say that the tenant's packages wait: %s", ready)
			}
			<-time.After(2 * time.Second) // by now every request that was under way has been answered
			before := len(p.sim.Books().Sessions)
			for i := range 3 {
				began := time.Now()
				next := p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(well, fmt.Sprint("W", i), 5)...)
				until(t, 60*time.Second, "the other tenant's package is through", p.all(next, accepted, receipted))
				if took := time.Since(began); took > 15*time.Second {
					t.Errorf("the other tenant's package took %v, want at most 15 s", took)
				}
				taken = append(taken, next...)
			}
			if strings.Contains(page(t, addr, "/metrics"), `ksef_circuit_open{group="part_store",tenant=""} 1`) {
				t.Error("the metrics say that the store is down for all tenants, although it takes the other tenant's parts")
			}
			if n := len(p.sim.Books().Sessions) - 3; n > before+1 {
				t.Errorf("the sick tenant had %d sessions when the outage was known and has %d now, want at most one more", before, n)
			}
			s.clear()
			p.wait(240*time.Second, taken, receipted)
			p.balanced(len(taken))
		})
	}
}
