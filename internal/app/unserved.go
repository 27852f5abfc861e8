package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// A tenant may be taken out of the configuration, or have its NIP mistyped, while its invoices
// wait. They stay as they are and go on by themselves when it is configured again; until then
// somebody has to know.

// Unserved are the invoices that wait for tenants which are not configured here, by NIP.
type Unserved struct {
	Counts map[string]int64
	More   bool // there may be more: only so many of the oldest were looked at
}

// unservedLooked is how many of each list are looked at.
const unservedLooked = 1000

// Unserved counts them.
func (b *Base) Unserved(ctx context.Context) (Unserved, error) {
	counts, more, err := b.Ledger.Unserved(ctx, func(nip string) bool { _, ok := b.Config.Tenant(nip); return ok }, unservedLooked)
	return Unserved{counts, more}, err
}

// Lines tells it to people, a line for each tenant, those with most invoices first; at most so many
// lines.
func (u Unserved) Lines(most int) []string {
	nips := u.byCount()
	least := ""
	if u.More {
		least = "at least "
	}
	var lines []string
	for i, nip := range nips {
		if i == most {
			lines = append(lines, fmt.Sprintf("and invoices of %d more tenants that are not configured", len(nips)-most))
			break
		}
		lines = append(lines, fmt.Sprintf("%s%d invoices of tenant %s wait, and no such tenant is configured here: "+
			"add it to tenants again, and they go on", least, u.Counts[nip], nip))
	}
	return lines
}

func (u Unserved) byCount() []string {
	nips := slices.Sorted(maps.Keys(u.Counts))
	slices.SortStableFunc(nips, func(a, b string) int { return int(u.Counts[b] - u.Counts[a]) })
	return nips
}

// unservedWatch looks for them now and then, logs, and tells readiness and metrics what it last
// found.
type unservedWatch struct {
	base  *Base
	log   zerolog.Logger
	spell *spells

	mu    sync.Mutex
	found Unserved
}

// unservedEvery is how often it looks. Nothing changes by it but what people are told.
const unservedEvery = 30 * time.Second

func newUnservedWatch(b *Base, log zerolog.Logger) *unservedWatch {
	return &unservedWatch{base: b, log: log, spell: newSpells(b.now)}
}

func (w *unservedWatch) run(ctx context.Context, stop <-chan struct{}) {
	t := time.NewTicker(unservedEvery)
	defer t.Stop()
	for {
		asked, cancel := context.WithTimeout(ctx, unservedEvery)
		if u, err := w.base.Unserved(asked); err == nil { // else Redis is away, which everybody says
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

func (w *unservedWatch) tell(u Unserved) {
	w.mu.Lock()
	before := w.found
	w.found = u
	w.mu.Unlock()
	for _, nip := range u.byCount() {
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

func (w *unservedWatch) last() Unserved {
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
	for i, nip := range u.byCount() {
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
