package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/ledger"
)

// Counter returns the number of ledger entries in each state. The answer should have 0 for a state
// without entries, so that every state has a series. A series that appears only when an invoice is
// parked comes too late for an alert on its increase.
type Counter interface {
	Counts(context.Context) (map[string]int64, error)
}

// ledgerCollector reads the ledger's counts at each scrape. Every worker of the pool reports the
// same figures, so a query takes the max over the workers, not the sum.
type ledgerCollector struct {
	ledger Counter
}

var (
	ledgerDesc = prometheus.NewDesc("ksef_ledger_entries",
		"Ledger entries of the whole pool in each state; every worker reports the same figure.", []string{"state"}, nil)
	ledgerUp = up("ledger")
)

// Describe implements prometheus.Collector.
func (c *ledgerCollector) Describe(ch chan<- *prometheus.Desc) { ch <- ledgerDesc; ch <- ledgerUp }

// Collect implements prometheus.Collector.
func (c *ledgerCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	counts, err := c.ledger.Counts(ctx)
	gauge(ch, ledgerUp, boolValue(err == nil))
	if err != nil {
		return
	}
	for state, n := range counts {
		gauge(ch, ledgerDesc, float64(n), state)
	}
}

var (
	atRisk = prometheus.NewDesc("ksef_invoices_at_risk",
		"Invoices that KSeF does not have yet and whose legal deadline is near or has passed.", nil, nil)
	overdue = prometheus.NewDesc("ksef_receipts_overdue",
		"Accepted invoices without a receipt for an hour or more: KSeF gives none, or the archive cannot be written.", nil, nil)
	nextDeadline = prometheus.NewDesc("ksef_next_deadline_seconds",
		"Seconds until the nearest legal deadline of an undecided invoice, below zero when it has passed; absent when there is none.", nil,
		nil)
)

// dueCollector exports the invoices whose deadline is at risk, and the receipts that are overdue.
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
	gauge(ch, atRisk, float64(n))
	if late, err := c.ledger.UnchangedSince(ctx, ledger.Accepted, now.Add(-time.Hour)); err == nil {
		gauge(ch, overdue, float64(late))
	}
	if !next.IsZero() {
		gauge(ch, nextDeadline, next.Sub(now).Seconds())
	}
}
