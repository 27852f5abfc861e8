package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/tasks"
)

// events are the counters of this process. Every label is from a closed list, and each counter
// begins at zero, so that a rate can be computed from the first scrape on. Safe for concurrent use.
type events struct {
	invoices *prometheus.CounterVec
	verdicts *prometheus.CounterVec
	requests *prometheus.CounterVec
	waits    *prometheus.HistogramVec
	freezes  *prometheus.CounterVec
}

func newEvents() *events {
	e := &events{
		invoices: counter("ksef_invoices_total", "Invoices that reached a state in this process.", "state"),
		verdicts: counter("ksef_verdicts_total",
			"Tasks that ended with an error or have to wait, by what was decided (action) and why (reason).", "task", "action", "reason"),
		requests: counter("ksef_requests_total", "Requests of this process to KSeF, by limit group and outcome.", "group", "outcome"),
		waits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ksef_limit_wait_seconds", Help: "How long requests slept until the limits let them go.",
			Buckets: []float64{.001, .01, .1, .5, 1, 2, 5},
		}, []string{"group"}),
		freezes: counter("ksef_limit_freezes_total", "Times that a group was paused after a 429.", "group"),
	}
	for _, s := range ledger.States() {
		e.invoices.WithLabelValues(string(s))
	}
	for _, k := range queue.Kinds() {
		for _, a := range []retry.Action{retry.Again, retry.Later, retry.Never, retry.LookFirst} {
			for _, reason := range retry.Reasons() {
				e.verdicts.WithLabelValues(string(k), string(a), string(reason))
			}
		}
	}
	for _, o := range outcomes {
		e.requests.WithLabelValues(partGroup, o)
	}
	for _, g := range ksef.Groups() {
		for _, o := range outcomes {
			e.requests.WithLabelValues(string(g), o)
		}
		e.freezes.WithLabelValues(string(g))
	}
	return e
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func (e *events) all() []prometheus.Collector {
	return []prometheus.Collector{e.invoices, e.verdicts, e.requests, e.waits, e.freezes}
}

// Describe implements prometheus.Collector.
func (e *events) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range e.all() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (e *events) Collect(ch chan<- prometheus.Metric) {
	for _, c := range e.all() {
		c.Collect(ch)
	}
}

// partGroup stands for the part store, which counts against no limit.
const partGroup = "part"

var outcomes = []string{"ok", "refused", "throttled", "outage", "unsent"}

// reached counts invoices that reached a state.
func (e *events) reached(r tasks.Reached) {
	e.invoices.WithLabelValues(string(r.State)).Add(float64(r.Count))
}

// judged counts a task that ended with an error or has to wait.
func (e *events) judged(j tasks.Judged) {
	e.verdicts.WithLabelValues(string(j.Kind), string(j.Action), string(j.Reason)).Inc()
}

// request counts a request of the client by its outcome.
func (e *events) request(g ksef.Group, o ksef.Outcome) {
	outcome := "refused"
	switch {
	case o.Err == nil:
		outcome = "ok"
	case o.Throttled:
		outcome = "throttled"
	case o.Outage:
		outcome = "outage"
	case o.Status == 0:
		outcome = "unsent"
	}
	group := string(g)
	if g == ksef.GroupNone {
		group = partGroup
	}
	e.requests.WithLabelValues(group, outcome).Inc()
}

// OnWait implements ratelimit.Observer.
func (e *events) OnWait(_, group string, d time.Duration) {
	e.waits.WithLabelValues(group).Observe(d.Seconds())
}

// OnFreeze implements ratelimit.Observer.
func (e *events) OnFreeze(_, group string, _ time.Duration) { e.freezes.WithLabelValues(group).Inc() }
