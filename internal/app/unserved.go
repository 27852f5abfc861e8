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

// unservedWatch looks for them now and then, logs, and tells readiness and metrics what it last
// found.
type unservedWatch struct {
	pool  *connect.Pool
	log   zerolog.Logger
	spell *spells

	mu    sync.Mutex
	found connect.Unserved
}

// unservedEvery is how often it looks. Nothing changes by it but what people are told.
const unservedEvery = 30 * time.Second

func newUnservedWatch(pool *connect.Pool, log zerolog.Logger) *unservedWatch {
	return &unservedWatch{pool: pool, log: log, spell: newSpells(pool.Now)}
}

func (w *unservedWatch) run(ctx context.Context, stop <-chan struct{}) {
	t := time.NewTicker(unservedEvery)
	defer t.Stop()
	for {
		asked, cancel := context.WithTimeout(ctx, unservedEvery)
		if u, err := w.pool.Unserved(asked); err == nil { // else Redis is away, which everybody says
			w.tell(u)
		}
		cancel()
		select {
		case <-t.C:
		case <-stop:
			return
		}
	}
}

func (w *unservedWatch) tell(u connect.Unserved) {
	w.mu.Lock()
	before := w.found
	w.found = u
	w.mu.Unlock()
	for _, nip := range u.ByCount() {
		if since, due := w.spell.goesOn(nip); due {
			w.log.Warn().Str("tenant", nip).Int64("invoices", u.Counts[nip]).Bool("at_least", u.More).Time("since", since).
				Msg("invoices wait for a tenant that is not configured here: add it to tenants again, and they go on")
		}
	}
	for nip := range before.Counts {
		if _, still := u.Counts[nip]; still {
			continue
		}
		if after, was := w.spell.over(nip); was {
			w.log.Info().Str("tenant", nip).Dur("after", after).Msg("no invoices wait any more for this tenant, which is not configured here")
		}
	}
}

func (w *unservedWatch) last() connect.Unserved {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.found
}

// check never makes the worker unready: its other tenants are served.
func (w *unservedWatch) check(context.Context) Check {
	return Check{Name: "tenants", OK: true, Detail: strings.Join(w.last().Lines(3), "; ")}
}

// unservedTenants bounds the metric's labels; the rest is one series.
const unservedTenants = 50

var unservedDesc = prometheus.NewDesc("ksef_unknown_tenant_invoices",
	"Invoices that wait for a tenant which is not configured in this worker; for the 50 with most of them, the rest together as other.",
	[]string{"tenant"}, nil)

// Describe implements prometheus.Collector.
func (w *unservedWatch) Describe(ch chan<- *prometheus.Desc) { ch <- unservedDesc }

// Collect implements prometheus.Collector.
func (w *unservedWatch) Collect(ch chan<- prometheus.Metric) {
	u, rest := w.last(), int64(0)
	for i, nip := range u.ByCount() {
		if i >= unservedTenants {
			rest += u.Counts[nip]
			continue
		}
		ch <- prometheus.MustNewConstMetric(unservedDesc, prometheus.GaugeValue, float64(u.Counts[nip]), nip)
	}
	if rest > 0 {
		ch <- prometheus.MustNewConstMetric(unservedDesc, prometheus.GaugeValue, float64(rest), "other")
	}
}

var _ prometheus.Collector = (*unservedWatch)(nil)
