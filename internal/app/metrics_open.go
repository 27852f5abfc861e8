package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/ledger"
)

// openCollector counts the documents that wait for a person. Superseded and dismissed ones are not
// counted, so an alert ends when the person has acted.
type openCollector struct{ ledger *ledger.Ledger }

var openDesc = prometheus.NewDesc("ksef_open_items",
	"Documents that a person still has to act on (enqueue open), by state: refused, rejected or parked; "+
		"every worker reports the same figure.", []string{"state"}, nil)

var openAgeDesc = prometheus.NewDesc("ksef_open_items_oldest_age_seconds",
	"For how long the oldest open document has waited for a person, by state; 0 if there is none; every worker reports the same figure.",
	[]string{"state"}, nil)

// Describe implements prometheus.Collector.
func (c *openCollector) Describe(ch chan<- *prometheus.Desc) { ch <- openDesc; ch <- openAgeDesc }

// Collect implements prometheus.Collector. When Redis does not answer there are no figures, and
// ksef_scrape_up of the ledger is 0.
func (c *openCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	open, err := c.ledger.OpenItems(ctx)
	if _, err = ledger.Skip(err); err != nil { // ksef_unreadable_entries tells of lists that are sick
		return
	}
	for state, n := range open {
		gauge(ch, openDesc, float64(n), state)
	}
	now, err := c.ledger.Clock(ctx)
	if err != nil {
		return
	}
	oldest, err := c.ledger.OldestOpen(ctx)
	if err != nil {
		return
	}
	for state := range open {
		age := time.Duration(0)
		if since := oldest[state]; !since.IsZero() {
			age = max(0, now.Sub(since))
		}
		gauge(ch, openAgeDesc, age.Seconds(), state)
	}
}
