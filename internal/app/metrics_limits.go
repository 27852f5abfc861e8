package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/config"
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
	tenantsLeftOut = prometheus.NewDesc("ksef_limit_tenants_left_out",
		"Tenants without series of their limits, because there are more than http.tenant_series and nothing of them waits or is held back.",
		nil, nil)
	limitFrozen = prometheus.NewDesc("ksef_limit_frozen_seconds",
		"How much longer a group is paused after a 429; 0 when it is not.", []string{"tenant", "group"}, nil)
)

// limitCollector reads the use of the limits, at most once in usagesAge. The figures are the
// pool's.
type limitCollector struct {
	limits  *limits
	waiting func(context.Context) map[string]int // invoices that wait, by tenant
	tenants []string
	most    int // how many tenants have series of their own
}

// Describe implements prometheus.Collector.
func (c *limitCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- limitUsed
	ch <- limitRemaining
	ch <- limitWaiting
	ch <- limitAllowed
	ch <- limitFrozen
	ch <- tenantsLeftOut
}

// Collect implements prometheus.Collector.
func (c *limitCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	all, err := c.limits.usages.get(ctx)
	if err != nil {
		return
	}
	shown := shownTenants(c.tenants, c.most, all.held(), c.waiting(ctx))
	gauge(ch, tenantsLeftOut, float64(len(c.tenants)-len(shown)))
	var booked []ratelimit.Key // a key without booked requests has no waitlist
	groups := c.limits.shownGroups()
	for _, tenant := range shown {
		for _, group := range groups {
			if k := (ratelimit.Key{Tenant: tenant, Group: group}); all[k].Windows != nil {
				booked = append(booked, k)
			}
		}
	}
	waitlisted, err := c.limits.logs.Waitlisted(ctx, booked)
	if err != nil {
		return
	}
	for _, tenant := range shown {
		for _, group := range groups {
			k := ratelimit.Key{Tenant: tenant, Group: group}
			u, used := all[k]
			if !used {
				u = c.limits.limiter.Unused(k)
			}
			for _, win := range u.Windows {
				window := win.Per.String()
				gauge(ch, limitUsed, float64(win.Used), tenant, group, window)
				gauge(ch, limitRemaining, float64(win.Left), tenant, group, window)
				gauge(ch, limitAllowed, float64(win.Limit), tenant, group, window)
			}
			gauge(ch, limitWaiting, float64(waitlisted[k]), tenant, group)
			gauge(ch, limitFrozen, u.Frozen.Seconds(), tenant, group)
		}
	}
}

func newLimitCollector(l *limits, waiting func(context.Context) map[string]int, cfg config.Config) *limitCollector {
	c := &limitCollector{limits: l, waiting: waiting, most: cfg.HTTP.TenantSeries}
	for _, t := range cfg.Tenants {
		c.tenants = append(c.tenants, t.Title())
	}
	return c
}
