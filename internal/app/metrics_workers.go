package app

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

var workersDesc = prometheus.NewDesc("ksef_workers_alive",
	"Workers of the pool whose queue server has given a sign of life lately; every worker reports the same figure.", nil, nil)

// workersCollector counts the workers of the pool. asynq keeps a sorted set of workers whose scores
// are the times at which their records expire. One command counts those that have not expired.
// asynq's inspector is not used, because it would read every worker's record and running tasks.
type workersCollector struct{ asynq redis.UniversalClient }

// Describe implements prometheus.Collector.
func (c workersCollector) Describe(ch chan<- *prometheus.Desc) { ch <- workersDesc }

// Collect implements prometheus.Collector. Without Redis there is no figure, and ksef_scrape_up of
// the ledger is 0.
func (c workersCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	// asynq, too, compares these times with its machine's clock, and not with Redis's.
	n, err := c.asynq.ZCount(ctx, "asynq:servers", strconv.FormatInt(time.Now().Unix(), 10), "+inf").Result()
	if err == nil {
		gauge(ch, workersDesc, float64(n))
	}
}
