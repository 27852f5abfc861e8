package app

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/config"
	"ksefworker/internal/archive"
)

// archiveShare is how many of the places at the archive one tenant may have: one is left to the
// others, so that a giant package of one tenant holds up nobody else's.
func archiveShare(cfg config.Config) int {
	if len(cfg.Tenants) == 1 {
		return cfg.Archive.Parallel
	}
	return max(1, cfg.Archive.Parallel-1)
}

// checkArchive asks the archive. One that is out of service does not make the worker unready: only
// receipts wait.
func (w *Worker) checkArchive(ctx context.Context) Check {
	c := Check{Name: "archive", OK: true}
	if err := w.pool.Store.Check(ctx); err != nil {
		c.Detail = "receipts wait: " + err.Error()
	}
	h := archive.HealthOf(w.pool.Store)
	if h.Out {
		c.Detail += fmt.Sprintf("; out of service for this process since %s, asked again in %s",
			h.Since.UTC().Format(time.RFC3339), h.Wait.Round(time.Second))
	}
	if h.Stuck > 0 {
		c.Detail += fmt.Sprintf("; %d calls hang in it", h.Stuck)
	}
	return c
}

var (
	archiveUp = prometheus.NewDesc("ksef_archive_up",
		"1 while the archive is in service for this process, 0 while receipts wait for it.", nil, nil)
	archiveStuck = prometheus.NewDesc("ksef_archive_stuck_calls",
		"Calls of this process that hang in the archive and that nobody waits for any more.", nil, nil)
)

// archiveCollector tells how the archive does, as this process found it by its last calls; a scrape
// asks nothing of it.
type archiveCollector struct{ store archive.Store }

// Describe implements prometheus.Collector.
func (c archiveCollector) Describe(ch chan<- *prometheus.Desc) { ch <- archiveUp; ch <- archiveStuck }

// Collect implements prometheus.Collector.
func (c archiveCollector) Collect(ch chan<- prometheus.Metric) {
	h := archive.HealthOf(c.store)
	ch <- prometheus.MustNewConstMetric(archiveUp, prometheus.GaugeValue, truth(!h.Out))
	ch <- prometheus.MustNewConstMetric(archiveStuck, prometheus.GaugeValue, float64(h.Stuck))
}
