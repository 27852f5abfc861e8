package app

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"ksefworker/internal/page"
)

func TestMetrics_Tenants_OnlyThoseWithAFigureHaveSeries(t *testing.T) {
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	reads := 0
	read := func(context.Context) (*page.Pool, error) {
		if reads++; reads == 1 {
			return nil, errors.New("no answer")
		}
		return &page.Pool{At: now, Tenants: map[string]*page.Standing{
			"late":    {Open: 2, AtRisk: 3, Nearest: now.Add(-time.Hour), OldestOpen: now.Add(-2 * time.Hour)},
			"refused": {Open: 1},
			"quiet":   {},
			"removed": {Open: 5}, "": {Open: 7},
		}}, nil
	}
	c := newTenantCollector(read, func() time.Time { return now }, func(name string) bool { return name != "removed" && name != "" })
	if n := testutil.CollectAndCount(c); n != 0 {
		t.Errorf("Redis does not answer, and there are %d series, want none", n)
	}
	const want = `# HELP ksef_tenant_invoices_at_risk Invoices of a tenant that KSeF does not have yet and whose legal deadline is near or has passed; absent when there is none.
# TYPE ksef_tenant_invoices_at_risk gauge
ksef_tenant_invoices_at_risk{tenant="late"} 3
# HELP ksef_tenant_next_deadline_seconds Seconds until a tenant's nearest legal deadline that is known, below zero when it has passed; absent when there is none.
# TYPE ksef_tenant_next_deadline_seconds gauge
ksef_tenant_next_deadline_seconds{tenant="late"} -3600
# HELP ksef_tenant_open_items Documents of a tenant that a person still has to act on; absent when there is none; every worker reports the same figure.
# TYPE ksef_tenant_open_items gauge
ksef_tenant_open_items{tenant="late"} 2
ksef_tenant_open_items{tenant="refused"} 1
# HELP ksef_tenant_open_items_oldest_age_seconds For how long the oldest rejected or parked invoice of a tenant has waited for a person; absent if there is none.
# TYPE ksef_tenant_open_items_oldest_age_seconds gauge
ksef_tenant_open_items_oldest_age_seconds{tenant="late"} 7200
`
	if err := testutil.CollectAndCompare(c, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	if testutil.CollectAndCount(c); reads != 2 {
		t.Errorf("three scrapes within %v read the ledger %d times, want 2: the first one failed", standingsAge, reads)
	}
}
