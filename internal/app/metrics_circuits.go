package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/ratelimit"
)

var circuitDesc = prometheus.NewDesc("ksef_circuit_open",
	"1 for each circuit that is not closed. If tenant is set, only that tenant's requests of the group are held back. "+
		"If it is empty, group says which circuit it is: host (the gateway or KSeF), part_store (the store of parts) or "+
		"connect (this process's own connection).",
	[]string{"tenant", "group"}, nil)

// circuitCollector reads at each scrape which circuits are not closed. The figures are the pool's,
// except for three that concern this process alone. The first is connect. The second is a tenant's
// group from which only this process gets no answers. The third is part_store without a tenant,
// when only this process cannot connect to the store.
type circuitCollector struct{ limits *limits }

// Describe implements prometheus.Collector.
func (c *circuitCollector) Describe(ch chan<- *prometheus.Desc) { ch <- circuitDesc }

// Collect implements prometheus.Collector.
func (c *circuitCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	sent := map[[2]string]bool{} // a series that is sent twice makes the whole scrape fail
	send := func(tenant, group string) {
		if sent[[2]string{tenant, group}] {
			return
		}
		sent[[2]string{tenant, group}] = true
		gauge(ch, circuitDesc, 1, tenant, group)
	}
	for _, host := range c.limits.hosts.all() {
		if !c.collectHost(ctx, host, send) {
			return // ksef_scrape_up of the ledger shows that Redis does not answer
		}
	}
	down, err := c.limits.parts.outages(ctx)
	if err != nil {
		return
	}
	for tenant, s := range down {
		if s.OfHost || s.own {
			send("", groupPartStore) // one series for all stores; readiness names them
		} else {
			send(tenant, groupPartStore)
		}
	}
}

// collectHost sends the circuits of one host that are not closed. It returns false when Redis does
// not answer.
func (c *circuitCollector) collectHost(ctx context.Context, host string, send func(tenant, group string)) bool {
	open, err := c.limits.circuits.open(ctx, host)
	if err != nil {
		return false
	}
	for _, o := range open {
		if o.OfHost {
			send("", groupHost)
		} else {
			send(o.Tenant, o.Group)
		}
	}
	here, err := c.limits.circuits.openHere(ctx, host)
	if err != nil {
		return false
	}
	for _, o := range here {
		if !o.OfHost {
			send(o.Tenant, o.Group)
		}
	}
	if s, err := c.limits.circuits.state(ctx, ratelimit.Pair{Host: host}); err == nil && (s.own || s.unanswered) {
		send("", groupConnect)
	}
	return true
}
