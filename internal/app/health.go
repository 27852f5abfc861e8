package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
	"ksefworker/internal/tasks"
)

// A worker stays ready with unreadable ledger entries or a wrong clock, because the rest of the
// work goes on. Both are shown as details of /readyz and as metrics.

var (
	unreadableEntries = prometheus.NewDesc("ksef_unreadable_entries",
		"Ledger entries that could not be read at the last try: damaged, or written by a newer build; and shared keys of another type; "+
			"every worker reports the same figure.", nil, nil)
	clockSkew = prometheus.NewDesc("ksef_clock_skew_seconds",
		"How far this machine's clock is ahead of Redis's; measured once a minute.", nil, nil)
)

// sickKeysAge is how old the list of sick keys may be when it is shown. A sick key holds a value of
// the wrong type. To make the list, Redis is asked for the type of every key that entries share. A
// key that was mended meanwhile is not shown.
const sickKeysAge = time.Minute

// healthCollector exports unreadable entries and the clock's skew.
type healthCollector struct {
	ledger *ledger.Ledger
	sick   *cached[[]ledger.Unreadable]
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
		if sick, err := c.sick.get(ctx); err == nil { // n is too low when the key from which it was counted is sick itself
			n = max(n, int64(len(sick)))
		}
		gauge(ch, unreadableEntries, float64(n))
	}
	gauge(ch, clockSkew, c.worker.Skew().Seconds())
}

func (w readiness) checkEntries(ctx context.Context) Check {
	c := Check{Name: "entries", OK: true}
	const maxNamed, maxChecked = 3, 100
	l := w.pool.Ledger
	n, keys, err := l.Unreadables(ctx, maxChecked)
	if err != nil {
		return c // another part says that Redis does not answer
	}
	sick, err := w.sickKeys.get(ctx)
	if err != nil {
		sick = nil
	}
	well, err := l.WellAgain(ctx, append(keysOf(sick), keys...))
	if err != nil {
		return c
	}
	isWell := func(key string) bool { return slices.Contains(well, key) }
	noted := len(keys)
	keys = slices.DeleteFunc(keys, isWell)
	if n -= int64(noted - len(keys)); n > 0 {
		c.Detail = fmt.Sprintf("%s cannot be read: %s; all others go on",
			plural.Of(n, "ledger entry", "ledger entries"), strings.Join(keys[:min(len(keys), maxNamed)], ", "))
	}
	sick = slices.DeleteFunc(slices.Clone(sick), func(u ledger.Unreadable) bool { return isWell(u.Key) })
	for _, u := range sick[:min(len(sick), maxNamed)] {
		c.Detail = strings.TrimPrefix(c.Detail+"; "+u.Err.Error(), "; ")
	}
	return c
}

func keysOf(sick []ledger.Unreadable) []string {
	keys := make([]string, len(sick))
	for i, u := range sick {
		keys[i] = u.Key
	}
	return keys
}

func (w readiness) checkClock(context.Context) Check {
	c := Check{Name: "clock", OK: true}
	if w.worker.ClockOff() {
		c.Detail = fmt.Sprintf("this machine's clock is %s ahead of redis's: set it", w.worker.Skew().Round(time.Second))
	}
	return c
}
