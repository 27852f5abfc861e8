package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

// What is wrong with the ledger or this machine's clock stops nothing: it is told as detail, and
// counted.

var (
	unreadableEntries = prometheus.NewDesc("ksef_unreadable_entries",
		"Ledger entries that could not be read when last looked at: damaged, or of a newer build; every worker reports the same figure.", nil, nil)
	clockSkew = prometheus.NewDesc("ksef_clock_skew_seconds",
		"How far this machine's clock is ahead of Redis's, found once a minute.", nil, nil)
)

type healthCollector struct {
	ledger *ledger.Ledger
	worker *tasks.Worker
}

// Describe implements prometheus.Collector.
func (c *healthCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- unreadableEntries
	ch <- clockSkew
}

// Collect implements prometheus.Collector.
func (c *healthCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	if n, _, err := c.ledger.Unreadables(ctx, 1); err == nil {
		ch <- prometheus.MustNewConstMetric(unreadableEntries, prometheus.GaugeValue, float64(n))
	}
	ch <- prometheus.MustNewConstMetric(clockSkew, prometheus.GaugeValue, c.worker.Skew().Seconds())
}

func (w *Worker) checkEntries(ctx context.Context) Check {
	c := Check{Name: "entries", OK: true}
	const named = 3
	if n, keys, err := w.pool.Ledger.Unreadables(ctx, named); err == nil && n > 0 {
		c.Detail = fmt.Sprintf("%d ledger entries cannot be read, all others go on: %s", n, strings.Join(keys, ", "))
	}
	return c
}

func (w *Worker) checkClock(context.Context) Check {
	c := Check{Name: "clock", OK: true}
	if w.worker.ClockOff() {
		c.Detail = fmt.Sprintf("this machine's clock is %s ahead of redis's: set it", w.worker.Skew().Round(time.Second))
	}
	return c
}
