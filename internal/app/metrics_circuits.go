package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/ratelimit"
)

var circuitDesc = prometheus.NewDesc("ksef_circuit_open",
	"1 for each circuit that is not closed: of a tenant's group, the part store's included; without a tenant "+
		"of the gateway (host), of the part store (part_store), of this process's way there (connect).",
	[]string{"tenant", "group"}, nil)

// circuitCollector reads at each scrape which circuits are not closed; but for connect, and for
// a tenant's group to which this process alone gets no answer, the figures are of the pool.
type circuitCollector struct{ limits *limits }

// Describe implements prometheus.Collector.
func (c *circuitCollector) Describe(ch chan<- *prometheus.Desc) { ch <- circuitDesc }

// Collect implements prometheus.Collector.
func (c *circuitCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	told := map[[2]string]bool{} // a series that comes twice spoils the whole scrape
	shut := func(tenant, group string) {
		if told[[2]string{tenant, group}] {
			return
		}
		told[[2]string{tenant, group}] = true
		ch <- prometheus.MustNewConstMetric(circuitDesc, prometheus.GaugeValue, 1, tenant, group)
	}
	open, err := c.limits.circuits.open(ctx, c.limits.host)
	if err != nil {
		return // ksef_scrape_up of the ledger tells that Redis is away
	}
	for _, o := range open {
		if o.OfHost {
			shut("", groupHost)
		} else {
			shut(o.Tenant, o.Group)
		}
	}
	here, err := c.limits.circuits.openHere(ctx, c.limits.host)
	if err != nil {
		return
	}
	for _, o := range here {
		if !o.OfHost {
			shut(o.Tenant, o.Group)
		}
	}
	if s, err := c.limits.circuits.state(ctx, ratelimit.Pair{Host: c.limits.host}); err == nil && (s.own || s.unanswered) {
		shut("", groupConnect)
	}
	for tenant := range c.limits.parts.tenants {
		host, s, err := c.limits.parts.down(ctx, tenant)
		switch {
		case err != nil || host == "" || s.Phase == ratelimit.CircuitClosed || s.unanswered:
		case s.OfHost || s.own:
			shut("", groupPartStore) // one series, whichever store it is; readiness names them
		default:
			shut(tenant, groupPartStore)
		}
	}
}
