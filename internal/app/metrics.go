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

// Metrics is a registry of this process's own: the library's global one would be shared by tests and
// by whatever else is linked in.
type Metrics struct {
	registry *prometheus.Registry
}

// NewMetrics registers the Go runtime, the process, the build and the given sources. Each source is
// asked at each scrape, and one that fails costs its own series only.
func NewMetrics(sources ...prometheus.Collector) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo(buildinfo.Read()))
	m.registry.MustRegister(sources...)
	return m
}

// buildInfo is 1, with the build as labels.
func buildInfo(b buildinfo.Info) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "ksef_build_info", Help: "1; which build this process runs is in the labels.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": b.GoVersion},
	})
	g.Set(1)
	return g
}

// Handler serves /metrics. A source that fails costs its own series, never the scrape: the time when
// Redis is down is the time when the others are wanted.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 20 * time.Second,
	})
}

// up is one name for all sources, so that one alert watches them.
func up(source string) *prometheus.Desc {
	return prometheus.NewDesc("ksef_scrape_up", "1 when this source of metrics could be read at this scrape.", nil, prometheus.Labels{"source": source})
}

// scrapeTimeout bounds what one source asks for at a scrape.
const scrapeTimeout = 5 * time.Second

func scrape() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), scrapeTimeout)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
