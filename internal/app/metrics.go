package app

import (
	"context"
	"log"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ksefworker/internal/buildinfo"
)

// Counter tells how many ledger entries are in each state. A state that it leaves out is not exported, so it should name those with
// none as 0: a series that appears only once something is parked can't raise an alarm in time.
type Counter interface {
	Counts(context.Context) (map[string]int64, error)
}

// MetricsOptions are the sources that are asked at each scrape. Nil ones are left out.
type MetricsOptions struct {
	Queues QueueInspector
	Ledger Counter
	// Timeout for the ledger's answer; 0 means 5 seconds.
	Timeout time.Duration
	// ErrorLog gets scrape errors; nil drops them. They show in ksef_scrape_up in any case.
	ErrorLog *log.Logger
}

// Metrics is a registry of this process's own: the library's global one would be shared by tests and by whatever else is linked in.
type Metrics struct {
	registry *prometheus.Registry
	errorLog *log.Logger
}

// NewMetrics registers the Go runtime, the process, the queues and the ledger. What counts as it happens (requests, outcomes) registers
// itself at Registerer.
func NewMetrics(o MetricsOptions) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), errorLog: o.ErrorLog}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector(),
		buildInfo(buildinfo.Read()))
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Queues != nil {
		m.registry.MustRegister(&queueCollector{inspector: o.Queues, log: o.ErrorLog})
	}
	if o.Ledger != nil {
		m.registry.MustRegister(&ledgerCollector{ledger: o.Ledger, timeout: o.Timeout, log: o.ErrorLog})
	}
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

// Registerer takes further metrics.
func (m *Metrics) Registerer() prometheus.Registerer { return m.registry }

// Handler serves /metrics. A source that fails costs its own series, never the scrape: the time when Redis is down is the time when
// the others are wanted.
func (m *Metrics) Handler() http.Handler {
	o := promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 20 * time.Second, Registry: nil}
	if m.errorLog != nil {
		o.ErrorLog = m.errorLog
	}
	return promhttp.HandlerFor(m.registry, o)
}

// up is one name for all sources, so that one alert watches them.
func up(source string) *prometheus.Desc {
	return prometheus.NewDesc("ksef_scrape_up", "1 when this source of metrics could be read at this scrape.", nil, prometheus.Labels{"source": source})
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func logf(l *log.Logger, format string, args ...any) {
	if l != nil {
		l.Printf(format, args...)
	}
}

// ledgerCollector reads the ledger's tallies at each scrape, so every worker of the pool reports the same: take max, not sum, over them.
type ledgerCollector struct {
	ledger  Counter
	timeout time.Duration
	log     *log.Logger
}

var (
	ledgerDesc = prometheus.NewDesc("ksef_ledger_entries", "Ledger entries of the whole pool in each state; every worker reports the same figure.", []string{"state"}, nil)
	ledgerUp   = up("ledger")
)

// Describe implements prometheus.Collector.
func (c *ledgerCollector) Describe(ch chan<- *prometheus.Desc) { ch <- ledgerDesc; ch <- ledgerUp }

// Collect implements prometheus.Collector.
func (c *ledgerCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	counts, err := c.ledger.Counts(ctx)
	ch <- prometheus.MustNewConstMetric(ledgerUp, prometheus.GaugeValue, truth(err == nil))
	if err != nil {
		logf(c.log, "count ledger entries: %v", err)
		return
	}
	for state, n := range counts {
		ch <- prometheus.MustNewConstMetric(ledgerDesc, prometheus.GaugeValue, float64(n), state)
	}
}
