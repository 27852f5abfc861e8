package app

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"ksefworker/internal/connect"
)

// unservedWatch counts the invoices that wait for tenants which are not configured here
// ([connect.Unserved]). It logs them and keeps the latest count for readiness and metrics. Safe for
// concurrent use.
type unservedWatch struct {
	pool  *connect.Pool
	log   zerolog.Logger
	spell *spells

	mu    sync.Mutex
	found connect.Unserved
}

// unservedEvery is how often an unservedWatch counts. The work does not depend on the count; only
// people see it.
const unservedEvery = 30 * time.Second

func newUnservedWatch(pool *connect.Pool, log zerolog.Logger) *unservedWatch {
	return &unservedWatch{pool: pool, log: log, spell: newSpells(pool.Now)}
}

// run counts until stop is closed.
func (w *unservedWatch) run(ctx context.Context, stop <-chan struct{}) {
	every(ctx, unservedEvery, stop, func(ctx context.Context) {
		if u, err := w.pool.Unserved(ctx); err == nil { // otherwise Redis does not answer, which others log
			w.update(u)
		}
	})
}

// update keeps a new count and logs which tenants are new in it, still there or gone.
func (w *unservedWatch) update(u connect.Unserved) {
	w.mu.Lock()
	before := w.found
	w.found = u
	w.mu.Unlock()
	for _, nip := range u.ByCount() {
		if since, due := w.spell.goesOn(nip); due {
			w.log.Warn().Str("tenant", nip).Int64("invoices", u.Counts[nip]).Bool("at_least", u.More).Time("since", since).
				Msg("invoices wait for a tenant that is not configured here: add it to tenants again and they go on")
		}
	}
	for nip := range before.Counts {
		if _, still := u.Counts[nip]; still {
			continue
		}
		if after, was := w.spell.over(nip); was {
			w.log.Info().Str("tenant", nip).Stringer("after", after.Round(time.Millisecond)).
				Msg("no invoices wait any more for this tenant, which is not configured here")
		}
	}
}

// last returns the latest count; the zero value before the first one.
func (w *unservedWatch) last() connect.Unserved {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.found
}

// check shows the latest count. It never makes the worker unready, because the other tenants are
// served.
func (w *unservedWatch) check(context.Context) Check {
	return Check{Name: "tenants", OK: true, Detail: strings.Join(w.last().Lines(3), "; ")}
}

// maxUnservedTenants bounds the number of series; the other tenants share one.
const maxUnservedTenants = 50

var unservedDesc = prometheus.NewDesc("ksef_unknown_tenant_invoices",
	"Invoices that wait for a tenant which is not configured in this worker: "+
		"a series for each of the 50 tenants with most invoices, and tenant=other for the rest together.",
	[]string{"tenant"}, nil)

// Describe implements prometheus.Collector.
func (w *unservedWatch) Describe(ch chan<- *prometheus.Desc) { ch <- unservedDesc }

// Collect implements prometheus.Collector.
func (w *unservedWatch) Collect(ch chan<- prometheus.Metric) {
	u, rest := w.last(), int64(0)
	for i, nip := range u.ByCount() {
		if i >= maxUnservedTenants {
			rest += u.Counts[nip]
			continue
		}
		gauge(ch, unservedDesc, float64(u.Counts[nip]), nip)
	}
	if rest > 0 {
		gauge(ch, unservedDesc, float64(rest), "other")
	}
}

var _ prometheus.Collector = (*unservedWatch)(nil)
