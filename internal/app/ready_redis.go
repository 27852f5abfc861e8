package app

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/ledger"
)

// checkMemory tells that Redis has no room for new invoices. What was taken goes on: a process that
// were taken out of service for this could only make it last longer.
func (w *Worker) checkMemory(ctx context.Context) Check {
	c := Check{Name: "redis memory", OK: true}
	m, err := w.pool.Ledger.Memory(ctx)
	if err != nil {
		return Check{Name: c.Name, Detail: err.Error()}
	}
	share, below := m.Share(), w.pool.Config.Redis.IntakeShare()
	const then = "what was taken goes on, and gives room back as it is receipted; if that is slow, give redis more (maxmemory)"
	switch {
	case share >= 1:
		c.Detail = fmt.Sprintf("redis is full: %s used; nothing new is taken in; %s", m, then)
	case below > 0 && share >= below:
		c.Detail = fmt.Sprintf("redis is nearly full: %s used; nothing new is taken in above %.0f %% (redis.intake_below); %s", m, 100*below, then)
	}
	return c
}

var (
	memoryUsed = prometheus.NewDesc("ksef_redis_memory_used_bytes", "Memory that Redis uses; every worker reports the same figure.", nil, nil)
	memoryMax  = prometheus.NewDesc("ksef_redis_memory_max_bytes", "Redis's maxmemory; 0 when it has none.", nil, nil)
	memoryUp   = up("redis memory")
)

// memoryCollector asks Redis for its memory at each scrape.
type memoryCollector struct{ ledger *ledger.Ledger }

// Describe implements prometheus.Collector.
func (c *memoryCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- memoryUsed
	ch <- memoryMax
	ch <- memoryUp
}

// Collect implements prometheus.Collector.
func (c *memoryCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	m, err := c.ledger.Memory(ctx)
	ch <- prometheus.MustNewConstMetric(memoryUp, prometheus.GaugeValue, truth(err == nil))
	if err == nil {
		ch <- prometheus.MustNewConstMetric(memoryUsed, prometheus.GaugeValue, float64(m.Used))
		ch <- prometheus.MustNewConstMetric(memoryMax, prometheus.GaugeValue, float64(m.Max))
	}
}

// watchMemory warns once when intake has to stop, and says when it may go on.
func (w *Worker) watchMemory(ctx context.Context, stop <-chan struct{}) {
	t := time.NewTicker(memoryEvery)
	defer t.Stop()
	for was := ""; ; {
		asked, cancel := context.WithTimeout(ctx, memoryEvery)
		c := w.checkMemory(asked)
		cancel()
		if c.OK { // else Redis is away, which everybody says
			switch {
			case c.Detail != "" && was == "":
				w.log.Warn().Msg(c.Detail)
			case c.Detail == "" && was != "":
				w.log.Info().Msg("redis has room again: invoices are taken in")
			}
			was = c.Detail
		}
		select {
		case <-t.C:
		case <-stop:
			return
		}
	}
}

// memoryEvery is how often a worker looks. Intake itself asks each time.
const memoryEvery = 10 * time.Second
