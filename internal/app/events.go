package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/config"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
	"ksefworker/internal/tasks"
)

// events counts what happens in this process. Every label is from a closed list and begins at zero, so that a rate can be taken from the first scrape.
type events struct {
	invoices *prometheus.CounterVec
	verdicts *prometheus.CounterVec
	requests *prometheus.CounterVec
	waits    *prometheus.HistogramVec
	freezes  *prometheus.CounterVec
}

func newEvents(r prometheus.Registerer, l *ledger.Ledger, near time.Duration) *events {
	e := &events{
		invoices: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ksef_invoices_total", Help: "Invoices that reached a state in this process."}, []string{"state"}),
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ksef_verdicts_total", Help: "Tasks that did not end well, by what was decided and why."}, []string{"task", "action", "reason"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ksef_requests_total", Help: "Requests that left this process, by limit group and outcome."}, []string{"group", "outcome"}),
		waits:    prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ksef_limit_wait_seconds", Help: "How long a request waited for leave.", Buckets: []float64{.001, .01, .1, .5, 1, 2, 5}}, []string{"group"}),
		freezes:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ksef_limit_freezes_total", Help: "Groups that were frozen after a 429."}, []string{"group"}),
	}
	r.MustRegister(e.invoices, e.verdicts, e.requests, e.waits, e.freezes, &dueCollector{l, near})
	for _, s := range ledger.States() {
		e.invoices.WithLabelValues(string(s))
	}
	for _, k := range tasks.Kinds() {
		for _, a := range []retry.Action{retry.Again, retry.Later, retry.Never, retry.LookFirst} {
			for _, reason := range retry.Reasons() {
				e.verdicts.WithLabelValues(string(k), string(a), string(reason))
			}
		}
	}
	for _, g := range ksef.Groups() {
		for _, o := range outcomes {
			e.requests.WithLabelValues(string(g), o)
		}
		e.freezes.WithLabelValues(string(g))
	}
	return e
}

var outcomes = []string{"ok", "refused", "throttled", "outage", "unsent"}

func (e *events) observe(ev tasks.Event) {
	if ev.State != "" {
		e.invoices.WithLabelValues(string(ev.State)).Add(float64(ev.Count))
		return
	}
	e.verdicts.WithLabelValues(string(ev.Kind), string(ev.Action), string(ev.Reason)).Inc()
}

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
		group = "part"
	}
	e.requests.WithLabelValues(group, outcome).Inc()
}

// OnWait implements ratelimit.Observer.
func (e *events) OnWait(_, group string, d time.Duration) {
	e.waits.WithLabelValues(group).Observe(d.Seconds())
}

// OnFreeze implements ratelimit.Observer.
func (e *events) OnFreeze(_, group string, _ time.Duration) { e.freezes.WithLabelValues(group).Inc() }

func (e *events) watchLimits(r prometheus.Registerer, l *limits, cfg config.Config) {
	c := &limitCollector{limits: l}
	for _, t := range cfg.Tenants {
		c.tenants = append(c.tenants, t.Title())
	}
	r.MustRegister(c)
}

var (
	limitUsed    = prometheus.NewDesc("ksef_limit_used", "Requests of the pool in the sliding window, booked ones included.", []string{"tenant", "group", "window"}, nil)
	limitLeft    = prometheus.NewDesc("ksef_limit_left", "Requests that are left in the sliding window; 0 when it is full.", []string{"tenant", "group", "window"}, nil)
	limitLine    = prometheus.NewDesc("ksef_limit_waiting_tasks", "Tasks that were told to come back when it is their turn.", []string{"tenant", "group"}, nil)
	limitAllowed = prometheus.NewDesc("ksef_limit_allowed", "Requests allowed in the sliding window.", []string{"tenant", "group", "window"}, nil)
	limitFrozen  = prometheus.NewDesc("ksef_limit_frozen_seconds", "How long a group rests still after a 429; 0 when it does not.", []string{"tenant", "group"}, nil)
	atRisk       = prometheus.NewDesc("ksef_invoices_at_risk", "Invoices on their way, which KSeF does not have yet, whose legal deadline is near or over.", nil, nil)
	overdue      = prometheus.NewDesc("ksef_receipts_overdue", "Accepted invoices that have had no receipt for an hour or more: KSeF gives none, or the archive cannot be written.", nil, nil)
	nextDeadline = prometheus.NewDesc("ksef_next_deadline_hours", "Hours until the nearest legal deadline of an undecided invoice; absent when there is none.", nil, nil)
)

// limitCollector reads what is used of the limits at each scrape; the figures are of the pool.
type limitCollector struct {
	limits  *limits
	tenants []string
}

// Describe implements prometheus.Collector.
func (c *limitCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- limitUsed
	ch <- limitLeft
	ch <- limitLine
	ch <- limitAllowed
	ch <- limitFrozen
}

// Collect implements prometheus.Collector.
func (c *limitCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, tenant := range c.tenants {
		for _, group := range c.limits.limiter.Groups() {
			if group == ratelimit.GroupOther {
				group = string(ksef.GroupPublicKey) // each operation of it has a counter of its own; this is the one that workers use
			}
			u, err := c.limits.limiter.Usage(ctx, tenant, group)
			if err != nil {
				return
			}
			for _, win := range u.Windows {
				ch <- prometheus.MustNewConstMetric(limitUsed, prometheus.GaugeValue, float64(win.Used), tenant, group, win.Per.String())
				ch <- prometheus.MustNewConstMetric(limitLeft, prometheus.GaugeValue, float64(win.Left), tenant, group, win.Per.String())
				ch <- prometheus.MustNewConstMetric(limitAllowed, prometheus.GaugeValue, float64(win.Limit), tenant, group, win.Per.String())
			}
			ch <- prometheus.MustNewConstMetric(limitLine, prometheus.GaugeValue, float64(u.Waitlisted), tenant, group)
			ch <- prometheus.MustNewConstMetric(limitFrozen, prometheus.GaugeValue, u.Frozen.Seconds(), tenant, group)
		}
	}
}

// dueCollector tells what is at risk, and what is overdue.
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
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	now, err := c.ledger.Clock(ctx)
	if err != nil {
		return
	}
	n, next, err := c.ledger.AtRisk(ctx, now.Add(c.near))
	if err != nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(atRisk, prometheus.GaugeValue, float64(n))
	if late, err := c.ledger.Stood(ctx, ledger.Accepted, now.Add(-time.Hour)); err == nil {
		ch <- prometheus.MustNewConstMetric(overdue, prometheus.GaugeValue, float64(late))
	}
	if !next.IsZero() {
		ch <- prometheus.MustNewConstMetric(nextDeadline, prometheus.GaugeValue, next.Sub(now).Hours())
	}
}
