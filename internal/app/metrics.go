package app

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ksefworker/internal/buildinfo"
)

// Metrics are the metrics of this process. They have a registry of their own, because tests and
// other linked code would share the library's global one. Safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
}

// newMetrics registers the Go runtime, the process, the build and the given sources. Every source
// is read at every scrape. newMetrics panics when two sources describe the same metric.
func newMetrics(sources ...prometheus.Collector) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo(buildinfo.Read()))
	m.registry.MustRegister(sources...)
	return m
}

// buildInfo returns a gauge that is always 1 and has the build as labels.
func buildInfo(b buildinfo.Info) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "ksef_build_info", Help: "Always 1; the labels name the build of this process.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": b.GoVersion},
	})
	g.Set(1)
	return g
}

// Handler serves /metrics. When a source fails, only its own series are missing, because the other
// metrics are needed most while Redis is down.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 20 * time.Second,
	})
}

// up describes the metric that tells whether a source could be read. All sources share its name, so
// that one alert watches them.
func up(source string) *prometheus.Desc {
	return prometheus.NewDesc("ksef_scrape_up", "1 when this source of metrics could be read at this scrape.",
		nil, prometheus.Labels{"source": source})
}

// scrapeTimeout bounds the calls of one source at a scrape.
const scrapeTimeout = 5 * time.Second

// scrape returns the context for the calls of one source.
func scrape() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), scrapeTimeout)
}

// boolValue returns 1 for true and 0 for false, as gauges have it.
func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// total sends the value of one series of a counter.
func total(ch chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
}

// gauge sends the value of one series.
func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}
