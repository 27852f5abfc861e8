package app

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
	"ksefworker/internal/waiting"
)

// overviews are the pool's overviews of what its invoices wait for. Safe for concurrent use.
type overviews struct{ *cached[[]waiting.Count] }

// overviewAge is how old an overview may be.
const overviewAge = 10 * time.Second

// shownLedger caches the waiting sets for everything that shows them, because the overview and the
// figures of single tenants ask for the same sets. Safe for concurrent use.
type shownLedger struct {
	*ledger.Ledger
	waits *cached[[]ledger.Waiting]
}

// waitsAge is how old the waiting sets may be. It is half of [overviewAge], so that a new overview
// never uses the waiting sets of the overview before it.
const waitsAge = overviewAge / 2

func newShownLedger(l *ledger.Ledger, now func() time.Time) shownLedger {
	return shownLedger{l, newCached(waitsAge, now, l.WaitsShown)}
}

// WaitsShown implements the ledger interfaces of the packages waiting and page.
func (l shownLedger) WaitsShown(ctx context.Context) ([]ledger.Waiting, error) {
	return l.waits.get(ctx)
}

func newOverviews(now func() time.Time, read func(context.Context) ([]waiting.Count, error)) overviews {
	return overviews{newCached(overviewAge, now, read)}
}

// checkWaiting shows what invoices wait for. It leaves out ordinary waits, such as for their turn.
func (w readiness) checkWaiting(ctx context.Context) Check {
	c := Check{Name: "waiting", OK: true}
	counts, err := w.overview.get(ctx)
	if err != nil {
		c.Detail = "cannot find out what invoices wait for: " + connect.Explain(err)
		return c
	}
	for _, n := range counts {
		if n.For.Ordinary() {
			continue
		}
		c.Detail += plural.Of(n.Invoices, "invoice", "invoices") + ": " + n.What
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
			"Invoices far back in a long queue are counted without a tenant.", []string{"tenant", "reason"}, nil)
	waitingUp = up("waiting")
)

// Describe implements prometheus.Collector.
func (o overviews) Describe(ch chan<- *prometheus.Desc) { ch <- waitingDesc; ch <- waitingUp }

// Collect implements prometheus.Collector.
func (o overviews) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	counts, err := o.get(ctx)
	gauge(ch, waitingUp, boolValue(err == nil))
	for _, n := range counts {
		gauge(ch, waitingDesc, float64(n.Invoices), n.Tenant, string(n.For))
	}
}

// byTenant returns how many invoices of each tenant wait, or nil when that is unknown.
func (o overviews) byTenant(ctx context.Context) map[string]int {
	counts, err := o.get(ctx)
	if err != nil {
		return nil
	}
	sums := map[string]int{}
	for _, n := range counts {
		sums[n.Tenant] += n.Invoices
	}
	return sums
}
