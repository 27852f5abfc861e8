package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/config"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

var (
	limitUsed = prometheus.NewDesc("ksef_limit_used",
		"Requests of the pool in the sliding window, reserved ones included.", []string{"tenant", "group", "window"}, nil)
	limitRemaining = prometheus.NewDesc("ksef_limit_remaining",
		"Requests that still fit into the sliding window; 0 when it is full.", []string{"tenant", "group", "window"}, nil)
	limitWaiting = prometheus.NewDesc("ksef_limit_waiting_tasks",
		"Tasks on the waitlist of the limit.", []string{"tenant", "group"}, nil)
	limitAllowed = prometheus.NewDesc("ksef_limit_allowed",
		"Requests allowed in the sliding window.", []string{"tenant", "group", "window"}, nil)
	limitFrozen = prometheus.NewDesc("ksef_limit_frozen_seconds",
		"How much longer a group is paused after a 429; 0 when it is not.", []string{"tenant", "group"}, nil)
)

// limitCollector reads the use of the limits at each scrape. The figures are the pool's.
type limitCollector struct {
	limits  *limits
	tenants []string
}

// Describe implements prometheus.Collector.
func (c *limitCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- limitUsed
	ch <- limitRemaining
	ch <- limitWaiting
	ch <- limitAllowed
	ch <- limitFrozen
}

// Collect implements prometheus.Collector.
func (c *limitCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	for _, tenant := range c.tenants {
		for _, group := range c.limits.limiter.Groups() {
			if group == ratelimit.GroupOther {
				// Each operation of the group has its own counter; workers use this operation.
				group = string(ksef.GroupPublicKey)
			}
			u, err := c.limits.limiter.Usage(ctx, tenant, group)
			if err != nil {
				return
			}
			for _, win := range u.Windows {
				window := win.Per.String()
				gauge(ch, limitUsed, float64(win.Used), tenant, group, window)
				gauge(ch, limitRemaining, float64(win.Left), tenant, group, window)
				gauge(ch, limitAllowed, float64(win.Limit), tenant, group, window)
			}
			gauge(ch, limitWaiting, float64(u.Waitlisted), tenant, group)
			gauge(ch, limitFrozen, u.Frozen.Seconds(), tenant, group)
		}
	}
}

func newLimitCollector(l *limits, tenants []config.Tenant) *limitCollector {
	c := &limitCollector{limits: l}
	for _, t := range tenants {
		c.tenants = append(c.tenants, t.Title())
	}
	return c
}
