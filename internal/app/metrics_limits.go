package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/config"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

var (
	limitUsed    = prometheus.NewDesc("ksef_limit_used", "Requests of the pool in the sliding window, booked ones included.", []string{"tenant", "group", "window"}, nil)
	limitLeft    = prometheus.NewDesc("ksef_limit_left", "Requests that are left in the sliding window; 0 when it is full.", []string{"tenant", "group", "window"}, nil)
	limitLine    = prometheus.NewDesc("ksef_limit_waiting_tasks", "Tasks that were told to come back when it is their turn.", []string{"tenant", "group"}, nil)
	limitAllowed = prometheus.NewDesc("ksef_limit_allowed", "Requests allowed in the sliding window.", []string{"tenant", "group", "window"}, nil)
	limitFrozen  = prometheus.NewDesc("ksef_limit_frozen_seconds", "How long a group rests still after a 429; 0 when it does not.", []string{"tenant", "group"}, nil)
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
	ctx, cancel := scrape()
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

func newLimitCollector(l *limits, tenants []config.Tenant) *limitCollector {
	c := &limitCollector{limits: l}
	for _, t := range tenants {
		c.tenants = append(c.tenants, t.Title())
	}
	return c
}
