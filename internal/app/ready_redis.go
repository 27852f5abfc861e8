package app

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/ledger"
)

// checkMemory shows whether Redis has memory for new invoices. Without memory the worker stays
// ready, because the invoices that are in Redis go on. Fewer workers would only make the shortage
// last longer.
func (w readiness) checkMemory(ctx context.Context) Check {
	c := Check{Name: "redis memory", OK: true}
	m, err := w.pool.Ledger.Memory(ctx)
	if err != nil {
		return Check{Name: c.Name, Detail: err.Error()}
	}
	share, below := m.Share(), w.pool.Config.Redis.IntakeShare()
	const then = "invoices already taken in are still processed, and free memory once they are receipted; if that is too slow, raise redis's maxmemory"
	switch {
	case share >= 1:
		c.Detail = fmt.Sprintf("redis is full: %s used; nothing new is taken in; %s", m, then)
	case below > 0 && share >= below:
		c.Detail = fmt.Sprintf("redis is nearly full: %s used; nothing new is taken in above %.0f %% (redis.intake_below); %s",
			m, 100*below, then)
	}
	return c
}

var (
	memoryUsed = prometheus.NewDesc("ksef_redis_memory_used_bytes",
		"Memory that Redis uses; every worker reports the same figure.", nil, nil)
	memoryMax   = prometheus.NewDesc("ksef_redis_memory_max_bytes", "Redis's maxmemory; 0 when Redis has none.", nil, nil)
	memoryShare = prometheus.NewDesc("ksef_redis_memory_used_ratio",
		"Used memory as a fraction of Redis's maxmemory; it may exceed 1; 0 when Redis has no maxmemory. Intake stops at redis.intake_below.", nil, nil)
	memoryUp = up("redis memory")
)

// memoryCollector reads Redis's use of memory at each scrape.
type memoryCollector struct{ ledger *ledger.Ledger }

// Describe implements prometheus.Collector.
func (c *memoryCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- memoryUsed
	ch <- memoryMax
	ch <- memoryShare
	ch <- memoryUp
}

// Collect implements prometheus.Collector.
func (c *memoryCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	m, err := c.ledger.Memory(ctx)
	gauge(ch, memoryUp, boolValue(err == nil))
	if err == nil {
		gauge(ch, memoryUsed, float64(m.Used))
		gauge(ch, memoryMax, float64(m.Max))
		gauge(ch, memoryShare, m.Share())
	}
}

// memoryEvery is how often a worker checks Redis's memory in order to log changes. Intake checks it
// before it takes anything in.
const memoryEvery = 10 * time.Second

// watchMemory logs once each time intake stops, and once each time it resumes, until stop is
// closed.
func (w *Worker) watchMemory(ctx context.Context, stop <-chan struct{}) {
	full := false
	every(ctx, memoryEvery, stop, func(ctx context.Context) {
		c := readiness{w}.checkMemory(ctx)
		if !c.OK { // Redis does not answer, which others log
			return
		}
		switch {
		case c.Detail != "" && !full:
			w.log.Warn().Msg(c.Detail)
		case c.Detail == "" && full:
			w.log.Info().Msg("redis has memory again: invoices are taken in")
		}
		full = c.Detail != ""
	})
}
