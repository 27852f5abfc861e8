package app

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

// outcomeMetrics count how invoices ended in this process. They show how long accepted invoices
// took until this process learned their KSeF numbers, and with which codes KSeF rejected invoices.
// The series have no tenant, so their number does not grow with the tenants. Safe for concurrent
// use.
type outcomeMetrics struct {
	toNumber   *prometheus.HistogramVec
	rejections *prometheus.CounterVec
}

// numberBuckets are in seconds. They reach from the duration of an online session to three days
// without the gateway.
var numberBuckets = []float64{5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 4 * 3600, 12 * 3600, 24 * 3600, 72 * 3600}

// otherCode stands for all codes that KSeF has not published, because there may be any number of
// them.
const otherCode = "other"

func newOutcomeMetrics() *outcomeMetrics {
	m := &outcomeMetrics{
		toNumber: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "ksef_time_to_number_seconds",
			Help:    "How long invoices took from the moment they were taken in until this process learned their KSeF number, by lane.",
			Buckets: numberBuckets,
		}, []string{"lane"}),
		rejections: counter("ksef_rejections_total", "Invoices that KSeF rejected, by its code, as this process settled them.", "code"),
	}
	for _, lane := range []ledger.Lane{ledger.Express, ledger.Bulk} {
		m.toNumber.WithLabelValues(string(lane))
	}
	for _, code := range ksef.RejectionCodes() {
		m.rejections.WithLabelValues(strconv.Itoa(code))
	}
	m.rejections.WithLabelValues(otherCode)
	return m
}

// Describe implements prometheus.Collector.
func (m *outcomeMetrics) Describe(ch chan<- *prometheus.Desc) {
	m.toNumber.Describe(ch)
	m.rejections.Describe(ch)
}

// Collect implements prometheus.Collector.
func (m *outcomeMetrics) Collect(ch chan<- prometheus.Metric) {
	m.toNumber.Collect(ch)
	m.rejections.Collect(ch)
}

// ended counts one invoice.
func (m *outcomeMetrics) ended(e tasks.Ended) {
	switch e.State {
	case ledger.Accepted:
		lane := e.Lane
		if lane != ledger.Express {
			lane = ledger.Bulk // no lane was ever chosen: it counts as bulk
		}
		m.toNumber.WithLabelValues(string(lane)).Observe(e.After.Seconds())
	case ledger.Rejected:
		code := strconv.Itoa(e.Code)
		if _, known := ksef.InvoiceMeaning(e.Code); !known {
			code = otherCode
		}
		m.rejections.WithLabelValues(code).Inc()
	}
}
