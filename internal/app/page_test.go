package app_test

import (
	"net/http"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/figures"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// A real worker counts what KSeF decides, for the charts of the page. The worker shows the
// dashboard of the queue only to operators who see every tenant, because the dashboard does not
// separate tenants.
func TestPage_OfAWorker_CountsOutcomesAndGuardsTheDashboard(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, func(c *config.Config) { withUsers(t, c) })
	addr, stop := p.workAt()
	defer stop()
	nip := sample.NIP(0)
	p.wait(60*time.Second, p.admit(intake.Terms{}, append(good(nip, 5), bad(nip, sample.MissingTotal, "BAD/1"))...),
		ledger.Receipted, ledger.Rejected)
	today, err := figures.New(p.base.Redis, "ksef:").Today(t.Context(), time.Now(), []string{nip, figures.All})
	if err != nil {
		t.Fatal(err)
	}
	for tenant, f := range today {
		if took, timed := f.Quantile(.95); f.Accepted != 5 || f.Rejected != 1 || f.Parked != 0 || !timed || took > time.Minute {
			t.Errorf("the figures of %q are %+v, 95%% within %v; want 5 accepted, 1 rejected, none parked, within a minute", tenant, f, took)
		}
	}
	for name, want := range map[string]int{"anna": http.StatusForbidden, "olga": http.StatusOK, "": http.StatusForbidden} {
		client := http.DefaultClient
		if name != "" {
			client = login(t, addr, name)
		}
		res, err := client.Get("http://" + addr + "/monitoring/api/queues")
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != want {
			t.Errorf("the dashboard answers the user %q with status %d, want %d", name, res.StatusCode, want)
		}
	}
}
