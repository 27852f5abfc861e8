package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/waiting"
)

// overviews keeps the latest overview for a while: probes and scrapers ask more often than it changes.
// Safe for concurrent use.
type overviews struct {
	read func(context.Context) ([]waiting.Count, error)

	now  func() time.Time
	turn chan struct{} // full while somebody reads
	at   time.Time
	last []waiting.Count
}

// overviewAge is how old an overview may be.
const overviewAge = 10 * time.Second

func (o *overviews) get(ctx context.Context) ([]waiting.Count, error) {
	select { // whoever asks for readiness has seconds, and must not wait for a scrape that hangs
	case o.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-o.turn }()
	if !o.at.IsZero() && o.now().Sub(o.at) < overviewAge {
		return o.last, nil
	}
	counts, err := o.read(ctx)
	if err != nil {
		return nil, err
	}
	o.at, o.last = o.now(), counts
	return counts, nil
}

// checkWaiting tells what waits for more than its turn.
func (w *Worker) checkWaiting(ctx context.Context) Check {
	c := Check{Name: "waiting", OK: true}
	counts, err := w.overview.get(ctx)
	if err != nil {
		c.Detail = "what invoices wait for cannot be told: " + err.Error()
		return c
	}
	for _, n := range counts {
		if n.For.Ordinary() {
			continue
		}
		c.Detail += fmt.Sprintf("%d invoices: %s", n.Invoices, n.What)
		if !n.Until.IsZero() {
			c.Detail += ", next try " + n.Until.UTC().Format(time.RFC3339)
		}
		c.Detail += "; "
	}
	c.Detail = strings.TrimSuffix(c.Detail, "; ")
	return c
}

var (
	waitingDesc = prometheus.NewDesc("ksef_waiting_invoices",
		"Invoices of the whole pool that wait, by tenant and reason; every worker reports the same figure. "+
			"Those far back in a long queue have no tenant.", []string{"tenant", "reason"}, nil)
	waitingUp = up("waiting")
)

// Describe implements prometheus.Collector.
func (o *overviews) Describe(ch chan<- *prometheus.Desc) { ch <- waitingDesc; ch <- waitingUp }

// Collect implements prometheus.Collector.
func (o *overviews) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	counts, err := o.get(ctx)
	ch <- prometheus.MustNewConstMetric(waitingUp, prometheus.GaugeValue, truth(err == nil))
	for _, n := range counts {
		ch <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(n.Invoices), n.Tenant, string(n.For))
	}
}
