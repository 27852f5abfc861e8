package app

import (
	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
)

// QueueInspector is the part of *asynq.Inspector that the metrics need.
type QueueInspector interface {
	Queues() ([]string, error)
	GetQueueInfo(queue string) (*asynq.QueueInfo, error)
}

// queueCollector reads asynq's own books at each scrape. The names are those of asynq's x/metrics, so that dashboards and alerts made for it work;
// that module itself links 18 more. The figures are of the whole pool: every worker reports the same.
type queueCollector struct {
	inspector QueueInspector
}

var (
	queueTasks     = queueDesc("tasks_enqueued_total", "Tasks in the queue, by state. A gauge in spite of its name, which is asynq's own.", "state")
	queueSize      = queueDesc("queue_size", "Tasks in the queue in all states.")
	queueLatency   = queueDesc("queue_latency_seconds", "Age of the oldest pending task.")
	queueMemory    = queueDesc("queue_memory_usage_approx_bytes", "Memory that the queue's tasks take in Redis, by sampling.")
	queueProcessed = queueDesc("tasks_processed_total", "Tasks processed since the queue began, failed ones included.")
	queueFailed    = queueDesc("tasks_failed_total", "Tasks that failed since the queue began.")
	queuePaused    = queueDesc("queue_paused_total", "1 when the queue is paused. A gauge in spite of its name, which is asynq's own.")
	queueUp        = up("queues")
)

func queueDesc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc("asynq_"+name, help, append([]string{"queue"}, more...), nil)
}

// Describe implements prometheus.Collector.
func (c *queueCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{queueTasks, queueSize, queueLatency, queueMemory, queueProcessed, queueFailed, queuePaused, queueUp} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *queueCollector) Collect(ch chan<- prometheus.Metric) {
	names, err := c.inspector.Queues()
	for _, name := range names {
		var info *asynq.QueueInfo
		if info, err = c.inspector.GetQueueInfo(name); err != nil {
			// The others would wait for the same dead Redis, each for its full timeout.
			break
		}
		report(ch, info)
	}
	ch <- prometheus.MustNewConstMetric(queueUp, prometheus.GaugeValue, truth(err == nil))
}

func report(ch chan<- prometheus.Metric, q *asynq.QueueInfo) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{q.Queue}, labels...)...)
	}
	for state, n := range map[string]int{
		"active": q.Active, "pending": q.Pending, "scheduled": q.Scheduled, "retry": q.Retry, "archived": q.Archived,
		"completed": q.Completed, "aggregating": q.Aggregating,
	} {
		gauge(queueTasks, float64(n), state)
	}
	gauge(queueSize, float64(q.Size))
	gauge(queueLatency, q.Latency.Seconds())
	gauge(queueMemory, float64(q.MemoryUsage))
	gauge(queuePaused, truth(q.Paused))
	ch <- prometheus.MustNewConstMetric(queueProcessed, prometheus.CounterValue, float64(q.ProcessedTotal), q.Queue)
	ch <- prometheus.MustNewConstMetric(queueFailed, prometheus.CounterValue, float64(q.FailedTotal), q.Queue)
}
