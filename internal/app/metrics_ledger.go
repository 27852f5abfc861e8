package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/ledger"
)

// Counter tells how many ledger entries are in each state. A state that it leaves out is not exported, so it should name those with
// none as 0: a series that appears only once something is parked can't raise an alarm in time.
type Counter interface {
	Counts(context.Context) (map[string]int64, error)
}

// ledgerCollector reads the ledger's tallies at each scrape, so every worker of the pool reports the same: take max, not sum, over them.
type ledgerCollector struct {
	ledger Counter
}

var (
	ledgerDesc = prometheus.NewDesc("ksef_ledger_entries", "Ledger entries of the whole pool in each state; every worker reports the same figure.", []string{"state"}, nil)
	ledgerUp   = up("ledger")
)

// Describe implements prometheus.Collector.
func (c *ledgerCollector) Describe(ch chan<- *prometheus.Desc) { ch <- ledgerDesc; ch <- ledgerUp }

// Collect implements prometheus.Collector.
func (c *ledgerCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	counts, err := c.ledger.Counts(ctx)
	ch <- prometheus.MustNewConstMetric(ledgerUp, prometheus.GaugeValue, truth(err == nil))
	if err != nil {
		return
	}
	for state, n := range counts {
		ch <- prometheus.MustNewConstMetric(ledgerDesc, prometheus.GaugeValue, float64(n), state)
	}
}

var (
	atRisk       = prometheus.NewDesc("ksef_invoices_at_risk", "Invoices on their way, which KSeF does not have yet, whose legal deadline is near or over.", nil, nil)
	overdue      = prometheus.NewDesc("ksef_receipts_overdue", "Accepted invoices that have had no receipt for an hour or more: KSeF gives none, or the archive cannot be written.", nil, nil)
	nextDeadline = prometheus.NewDesc("ksef_next_deadline_hours", "Hours until the nearest legal deadline of an undecided invoice; absent when there is none.", nil, nil)
)

// dueCollector tells what is at risk, and what is overdue.
type dueCollector struct {
	ledger *ledger.Ledger
	near   time.Duration
}

// Describe implements prometheus.Collector.
func (c *dueCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- atRisk
	ch <- nextDeadline
	ch <- overdue
}

// Collect implements prometheus.Collector.
func (c *dueCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	now, err := c.ledger.Clock(ctx)
	if err != nil {
		return
	}
	n, next, err := c.ledger.AtRisk(ctx, now.Add(c.near))
	if err != nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(atRisk, prometheus.GaugeValue, float64(n))
	if late, err := c.ledger.Stood(ctx, ledger.Accepted, now.Add(-time.Hour)); err == nil {
		ch <- prometheus.MustNewConstMetric(overdue, prometheus.GaugeValue, float64(late))
	}
	if !next.IsZero() {
		ch <- prometheus.MustNewConstMetric(nextDeadline, prometheus.GaugeValue, next.Sub(now).Hours())
	}
}
