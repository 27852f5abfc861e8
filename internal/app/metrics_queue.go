package app

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/queue"
)

// queueSizes is the part of [queue.Sizes] that the metrics need.
type queueSizes interface {
	Queues() ([]string, error)
	Read(ctx context.Context, queues []string) ([]queue.Size, error)
	Memory(queue string) (int64, error)
}

// queueCollector reads asynq's own counts at each scrape. The metrics have the names of asynq's
// module x/metrics, except two gauges whose names end in _total there. That module is not used,
// because it links 18 others. The figures are the pool's, so every worker reports the same. Finding
// out how much memory the tasks take is costly, so each scrape asks about one queue. The figures of
// the other queues are from earlier scrapes.
type queueCollector struct {
	sizes queueSizes

	mu     sync.Mutex
	memory map[string]int64 // bytes by queue, for queues that were asked about
	asked  []string         // the queues in the order in which they were asked about
}

func newQueueCollector(sizes queueSizes) *queueCollector {
	return &queueCollector{sizes: sizes, memory: map[string]int64{}}
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
	ctx, cancel := scrape()
	defer cancel()
	names, err := c.sizes.Queues()
	var sizes []queue.Size
	if err == nil {
		sizes, err = c.sizes.Read(ctx, names)
	}
	var memory map[string]int64
	if err == nil {
		memory, err = c.memoryOf(names)
	}
	for i := range sizes {
		collectQueue(ch, &sizes[i])
		if bytes, known := memory[sizes[i].Queue]; known {
			gauge(ch, queueMemory, float64(bytes), sizes[i].Queue)
		}
	}
	gauge(ch, queueUp, boolValue(err == nil))
}

// memoryOf asks about the queue that it has not asked about for the longest time, and returns what
// is known of all queues.
func (c *queueCollector) memoryOf(names []string) (map[string]int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.memory, func(name string, _ int64) bool { return !slices.Contains(names, name) })
	if len(names) == 0 {
		return nil, nil
	}
	next := slices.MinFunc(names, func(a, b string) int { return slices.Index(c.asked, a) - slices.Index(c.asked, b) })
	c.asked = append(slices.DeleteFunc(c.asked, func(name string) bool { return name == next }), next)
	bytes, err := c.sizes.Memory(next)
	if err == nil {
		c.memory[next] = bytes
	}
	return maps.Clone(c.memory), err
}

func collectQueue(ch chan<- prometheus.Metric, q *queue.Size) {
	for state, n := range map[string]int{
		"active": q.Active, "pending": q.Pending, "scheduled": q.Scheduled, "retry": q.Retry, "archived": q.Archived,
		"completed": q.Completed, "aggregating": q.Aggregating,
	} {
		gauge(ch, queueTasks, float64(n), q.Queue, state)
	}
	gauge(ch, queueSize, float64(q.All()), q.Queue)
	gauge(ch, queueLatency, q.Latency.Seconds(), q.Queue)
	gauge(ch, queuePaused, boolValue(q.Paused), q.Queue)
	total(ch, queueProcessed, float64(q.Processed), q.Queue)
	total(ch, queueFailed, float64(q.Failed), q.Queue)
}
