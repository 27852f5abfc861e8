package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"ksefworker/internal/buildinfo"
	"ksefworker/internal/tracing"
)

// traceTimeout is how long a process that ends waits for the collector.
const traceTimeout = 3 * time.Second

// openTraces returns the tracer that sends traces, and a function that closes it. The tracer is nil
// without a collector.
func openTraces(ctx context.Context, environ []string, log zerolog.Logger) (*tracing.Tracer, func(), error) {
	t, err := tracing.Open(ctx, tracing.Options{
		Environ: environ, Service: "ksef-worker", Version: buildinfo.Read().Version, Log: log,
	})
	if t == nil || err != nil {
		return nil, func() {}, err
	}
	return t, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), traceTimeout)
		defer cancel()
		if err := t.Close(ctx); err != nil {
			log.Warn().Err(err).Msg("the last traces did not reach the collector")
		}
	}, nil
}

// traceCollector exports how many spans reached the collector, failed or were dropped.
type traceCollector struct{ trace *tracing.Tracer }

var traceSpans = prometheus.NewDesc("ksef_trace_spans_total",
	"Spans of this process by what became of them: the collector has them (exported), it did not take them (failed), "+
		"or too many were waiting for it (dropped).",
	[]string{"outcome"}, nil)

// Describe implements prometheus.Collector.
func (traceCollector) Describe(ch chan<- *prometheus.Desc) { ch <- traceSpans }

// Collect implements prometheus.Collector.
func (c traceCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.trace.Stats()
	for outcome, n := range map[string]int64{"exported": s.Exported, "failed": s.Failed, "dropped": s.Dropped} {
		ch <- prometheus.MustNewConstMetric(traceSpans, prometheus.CounterValue, float64(n), outcome)
	}
}
