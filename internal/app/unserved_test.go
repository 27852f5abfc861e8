package app_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// A tenant is removed from the configuration while its invoices wait. They stay queued, readiness
// and metrics show how many they are, and the other tenant's invoices go on. When the tenant is
// configured again, its invoices go on too, except those that a person has dismissed.
func TestTenant_RemovedWhileItsInvoicesWait_IsShownAndGoesOnWhenItIsBack(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, hasty)
	gone := sample.NIP(1)
	waiting := p.admitBoth(gone, "GONE", 3, 9)
	others := p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 6)...)
	both := p.cfg.Tenants
	p.cfg.Tenants = both[:1]
	addr, stop := p.workAt()
	until(t, 60*time.Second, "the other tenant's invoices are receipted", p.all(others, receipted))
	const number = "12 invoices of tenant "
	until(t, 60*time.Second, "readiness shows how many wait for the tenant, and the worker stays ready", func() bool {
		answer := page(t, addr, "/readyz")
		return strings.Contains(answer, number+gone+" wait") && strings.Contains(answer, `"ready": true`)
	})
	if metrics := page(t, addr, "/metrics"); !strings.Contains(metrics, `ksef_unknown_tenant_invoices{tenant="`+gone+`"} 12`) {
		t.Error("ksef_unknown_tenant_invoices does not count the 12 invoices of the tenant that was removed")
	}
	if n := strings.Count(p.log.String(), "invoices wait for a tenant that is not configured here"); n != 1 {
		t.Errorf("the log says %d times that invoices wait for a tenant that is not configured, want once", n)
	}
	if out, _ := checkOutput(t, p.cfg); !strings.Contains(out, "note   "+number+gone) {
		t.Errorf("--check does not say how many invoices wait for the tenant:\n%s", out)
	}
	stop()
	for _, a := range waiting {
		if inv := p.state(a); inv.KsefNumber != "" || inv.State != ledger.Queued {
			t.Errorf("%s is %s with the KSeF number %q, want it queued and without a number", a.File, inv.State, inv.KsefNumber)
		}
	}
	// A person may decide that one invoice of each lane is not to be sent after all.
	for _, i := range []int{0, 9} {
		inv := p.state(waiting[i])
		if err := p.base.Ledger.Dismiss(t.Context(), &inv, ledger.Dismissal{By: "anna", Reason: "the tenant is gone"}); err != nil {
			t.Errorf("dismiss %s: %v", waiting[i].File, err)
		}
	}
	waiting = append(waiting[1:9:9], waiting[10:]...)
	p.cfg.Tenants = both
	p.work()
	all := append(waiting, others...)
	until(t, 150*time.Second, "all invoices except the dismissed ones are receipted", p.all(all, receipted))
	p.balanced(16)
}
