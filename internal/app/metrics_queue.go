package app

import (
	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
)

// queueInspector is the part of [asynq.Inspector] that the metrics need.
type queueInspector interface {
	Queues() ([]string, error)
	GetQueueInfo(queue string) (*asynq.QueueInfo, error)
}

// queueCollector reads asynq's own counts at each scrape. The metrics have the names of asynq's
// x/metrics, apart from two gauges that it calls _total; that module is not used because it links
// 18 others. The figures are the pool's: every worker reports the same.
type queueCollector struct {
	inspector queueInspector
}

var (
	queueTasks     = queueDesc("tasks", "Tasks in the queue, by state.", "state")
	queueSize      = queueDesc("queue_size", "Tasks in the queue, in all states.")
	queueLatency   = queueDesc("queue_latency_seconds", "Age of the oldest pending task.")
	queueMemory    = queueDesc("queue_memory_usage_approx_bytes", "Memory of the queue's tasks in Redis, estimated from a sample.")
	queueProcessed = queueDesc("tasks_processed_total", "Tasks processed since the queue was made, failed ones included.")
	queueFailed    = queueDesc("tasks_failed_total", "Tasks that failed since the queue was made.")
	queuePaused    = queueDesc("queue_paused", "1 when the queue is paused.")
	queueUp        = up("queues")
)

func queueDesc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc("asynq_"+name, help, append([]string{"queue"}, more...), nil)
}

// Describe implements prometheus.Collector.
func (c *queueCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		queueTasks, queueSize, queueLatency, queueMemory, queueProcessed, queueFailed, queuePaused, queueUp,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *queueCollector) Collect(ch chan<- prometheus.Metric) {
	names, err := c.inspector.Queues()
	for _, name := range names {
		var info *asynq.QueueInfo
		if info, err = c.inspector.GetQueueInfo(name); err != nil {
			// The other queues would wait for the same dead Redis, each for its full timeout.
			break
		}
		collectQueue(ch, info)
	}
	gauge(ch, queueUp, boolValue(err == nil))
}

func collectQueue(ch chan<- prometheus.Metric, q *asynq.QueueInfo) {
	for state, n := range map[string]int{
		"active": q.Active, "pending": q.Pending, "scheduled": q.Scheduled, "retry": q.Retry, "archived": q.Archived,
		"completed": q.Completed, "aggregating": q.Aggregating,
	} {
		gauge(ch, queueTasks, float64(n), q.Queue, state)
	}
	gauge(ch, queueSize, float64(q.Size), q.Queue)
	gauge(ch, queueLatency, q.Latency.Seconds(), q.Queue)
	gauge(ch, queueMemory, float64(q.MemoryUsage), q.Queue)
	gauge(ch, queuePaused, boolValue(q.Paused), q.Queue)
	ch <- prometheus.MustNewConstMetric(queueProcessed, prometheus.CounterValue, float64(q.ProcessedTotal), q.Queue)
	ch <- prometheus.MustNewConstMetric(queueFailed, prometheus.CounterValue, float64(q.FailedTotal), q.Queue)
}
