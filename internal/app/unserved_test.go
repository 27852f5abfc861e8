package app_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// A tenant is taken out of the configuration while its invoices wait: they stay, somebody is told
// how many and for whom, the other tenant's go on, and once it is configured again so do they.
func TestTenant_RemovedWhileItsInvoicesWait_ToldEverywhereAndGoesOnWhenItIsBack(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, hasty)
	gone := sample.NIP(1)
	waiting := append(p.admit(tasks.Terms{Lane: ledger.Bulk}, good(gone, 9)...), p.admit(tasks.Terms{Lane: ledger.Express}, numbered(gone, "E", 3)...)...)
	others := p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 6)...)
	both := p.cfg.Tenants
	p.cfg.Tenants = both[:1]
	addr, stop := p.workAt()
	until(t, 60*time.Second, "the other tenant's are receipted", p.all(others, receipted))
	const says = "12 invoices of tenant "
	until(t, 60*time.Second, "readiness tells how many wait for whom, and stays ready", func() bool {
		ready := get(t, "http://"+addr+"/readyz")
		return strings.Contains(ready, says+gone+" wait") && strings.Contains(ready, `"ready": true`)
	})
	if metrics := get(t, "http://"+addr+"/metrics"); !strings.Contains(metrics, `ksef_unknown_tenant_invoices{tenant="`+gone+`"} 12`) {
		t.Error("the metric does not tell them")
	}
	if n := strings.Count(p.log.String(), "invoices wait for a tenant that is not configured here"); n != 1 {
		t.Errorf("the log says it %d times, want once", n)
	}
	if said, _ := checkOutput(t, p.cfg); !strings.Contains(said, "note   "+says+gone) {
		t.Errorf("--check says\n%s", said)
	}
	stop()
	for _, a := range waiting {
		if inv := p.state(a); inv.KsefNumber != "" || inv.State != ledger.Queued && inv.State != ledger.Packed {
			t.Errorf("%s is %s", a.File, inv.State)
		}
	}
	p.cfg.Tenants = both
	p.work()
	p.wait(150*time.Second, append(waiting, others...), ledger.Receipted)
	p.balanced(18)
}
