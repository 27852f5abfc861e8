package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/page"
)

var (
	tenantOpen = prometheus.NewDesc("ksef_tenant_open_items",
		"Documents of a tenant that a person still has to act on; absent when there is none; every worker reports the same figure.",
		[]string{"tenant"}, nil)
	tenantOpenAge = prometheus.NewDesc("ksef_tenant_open_items_oldest_age_seconds",
		"For how long the oldest rejected or parked invoice of a tenant has waited for a person; absent if there is none.",
		[]string{"tenant"}, nil)
	tenantAtRisk = prometheus.NewDesc("ksef_tenant_invoices_at_risk",
		"Invoices of a tenant that KSeF does not have yet and whose legal deadline is near or has passed; absent when there is none.",
		[]string{"tenant"}, nil)
	tenantDeadline = prometheus.NewDesc("ksef_tenant_next_deadline_seconds",
		"Seconds until a tenant's nearest legal deadline that is known, below zero when it has passed; absent when there is none.",
		[]string{"tenant"}, nil)
)

// standingsAge is how old the figures of single tenants may be. Up to five thousand entries are
// read to make them, which would be too much for every scrape of every worker.
const standingsAge = 2 * time.Minute

// tenantCollector exports the figures of single tenants. It exports only tenants of the
// configuration, and of these only tenants that have a figure to show.
type tenantCollector struct {
	standings *cached[*page.Pool]
	known     func(tenant string) bool
}

func newTenantCollector(read func(context.Context) (*page.Pool, error), now func() time.Time, known func(string) bool) *tenantCollector {
	return &tenantCollector{newCached(standingsAge, now, read), known}
}

// Describe implements prometheus.Collector.
func (c *tenantCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- tenantOpen
	ch <- tenantOpenAge
	ch <- tenantAtRisk
	ch <- tenantDeadline
}

// Collect implements prometheus.Collector. When Redis does not answer there are no figures, and
// ksef_scrape_up of the ledger is 0.
func (c *tenantCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	pool, err := c.standings.get(ctx)
	if err != nil {
		return
	}
	for name, s := range pool.Tenants {
		if !c.known(name) {
			continue
		}
		if s.Open > 0 {
			gauge(ch, tenantOpen, float64(s.Open), name)
		}
		if !s.OldestOpen.IsZero() {
			gauge(ch, tenantOpenAge, max(0, pool.At.Sub(s.OldestOpen)).Seconds(), name)
		}
		if s.AtRisk > 0 {
			gauge(ch, tenantAtRisk, float64(s.AtRisk), name)
		}
		if !s.Nearest.IsZero() {
			gauge(ch, tenantDeadline, s.Nearest.Sub(pool.At).Seconds(), name)
		}
	}
}
