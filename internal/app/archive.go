package app

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/config"
	"ksefworker/internal/archive"
)

// archiveShare returns how many packages of one tenant may write to the archive at once. When there
// are several tenants and archive.parallel is more than one, one place is left to the other
// tenants. So a giant package of one tenant does not delay the others.
func archiveShare(cfg config.Config) int {
	if len(cfg.Tenants) == 1 {
		return cfg.Archive.Parallel
	}
	return max(1, cfg.Archive.Parallel-1)
}

// checkArchive makes a call to the archive, to see whether it works. An archive that is out of
// service does not make the worker unready, because only receipts wait for it.
func (w readiness) checkArchive(ctx context.Context) Check {
	c := Check{Name: "archive", OK: true}
	if err := w.pool.Store.Check(ctx); err != nil {
		c.Detail = "receipts wait: " + err.Error()
	}
	h := archive.HealthOf(w.pool.Store)
	if h.OutOfService {
		c.Detail += fmt.Sprintf("; out of service for this process since %s, next try in %s",
			h.Since.UTC().Format(time.RFC3339), h.Wait.Round(time.Second))
	}
	if h.Stuck > 0 {
		c.Detail += "; calls to it that hang: " + strconv.Itoa(h.Stuck)
	}
	return c
}

var (
	archiveUp = prometheus.NewDesc("ksef_archive_up",
		"1 while the archive works for this process, 0 while receipts wait for it.", nil, nil)
	archiveStuck = prometheus.NewDesc("ksef_archive_stuck_calls",
		"Calls of this process to the archive that hang and whose callers have given up.", nil, nil)
	archiveErrors = prometheus.NewDesc("ksef_archive_errors_total",
		"Calls of this process to the archive that failed through the archive's fault.", nil, nil)
)

// archiveCollector exports the health of the archive as this process knows it from its latest
// calls. A scrape makes no call of its own.
type archiveCollector struct{ store archive.Store }

// Describe implements prometheus.Collector.
func (c archiveCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- archiveUp
	ch <- archiveStuck
	ch <- archiveErrors
}

// Collect implements prometheus.Collector.
func (c archiveCollector) Collect(ch chan<- prometheus.Metric) {
	h := archive.HealthOf(c.store)
	gauge(ch, archiveUp, boolValue(!h.OutOfService))
	gauge(ch, archiveStuck, float64(h.Stuck))
	total(ch, archiveErrors, float64(h.Failures))
}
