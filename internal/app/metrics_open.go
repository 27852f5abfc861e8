package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/ledger"
)

// openCollector counts what waits for a person. What is superseded or dismissed is not among it, so
// an alert on it ends when the person has acted.
type openCollector struct{ ledger *ledger.Ledger }

var openDesc = prometheus.NewDesc("ksef_open_items",
	"Documents that a person still has to act on (enqueue open), by state: refused, rejected or parked; every worker reports the same figure.",
	[]string{"state"}, nil)

// Describe implements prometheus.Collector.
func (c *openCollector) Describe(ch chan<- *prometheus.Desc) { ch <- openDesc }

// Collect implements prometheus.Collector. Without an answer there are no figures, and ksef_scrape_up
// of the ledger tells why.
func (c *openCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	open, err := c.ledger.OpenItems(ctx)
	if err != nil {
		return
	}
	for state, n := range open {
		ch <- prometheus.MustNewConstMetric(openDesc, prometheus.GaugeValue, float64(n), state)
	}
}
