package tasks_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/tasks"
)

// BenchmarkAdmission_10kInvoices measures how fast one worker, which runs 16 tasks at a time,
// brings queued invoices into their waiting set. It tries several numbers of invoices in one task.
// Redis writes an append-only file, as in production, and shares the machine's cores with the
// worker. queue.ChunkInvoices was chosen by this benchmark.
func BenchmarkAdmission_10kInvoices(b *testing.B) {
	const n = 10_000
	for _, size := range []int{1, 20, 50, queue.ChunkInvoices, 250, 500} {
		b.Run(fmt.Sprint("chunk=", size), func(b *testing.B) {
			srv := redistest.StartWith(b, redisd.Options{AppendOnly: true, Args: []string{"--auto-aof-rewrite-percentage", "0",
				"--slowlog-log-slower-than", "1000", "--slowlog-max-len", "10000"}})
			rdb := redistest.Client(b, srv)
			l, q := ledger.New(rdb, ledger.Options{}), queue.New(rdb)
			w := tasks.NewWorker(tasks.Parts{Ledger: l, Queue: q, Budget: noLimits{},
				Transport: func(string) (tasks.Transport, bool) { return nil, false }}, tasks.Options{Worker: "w", Log: zerolog.Nop()})
			best, longest := time.Hour, time.Duration(0)
			for b.Loop() {
				b.StopTimer()
				if err := rdb.FlushAll(b.Context()).Err(); err != nil {
					b.Fatal(err)
				}
				ids := benchQueued(b, l, n)
				client := asynq.NewClientFromRedisClient(rdb)
				for some := range slices.Chunk(ids, size) {
					kind, payload := queue.KindSubmit, map[string]any{"v": 1, "id": some[0]}
					if size > 1 {
						kind = queue.KindChunk
						payload = map[string]any{"v": 1, "id": some[0], "tenant": benchTenant, "count": len(some), "ids": some}
					}
					text, err := json.Marshal(payload)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := client.Enqueue(asynq.NewTask(string(kind), text), asynq.Queue(kind.Queue())); err != nil {
						b.Fatal(err)
					}
				}
				rdb.Do(b.Context(), "slowlog", "reset")
				b.StartTimer()
				best = min(best, admitAll(b, rdb, l, w, n))
				slow, err := rdb.SlowLogGet(b.Context(), -1).Result()
				if err != nil {
					b.Fatal(err)
				}
				for _, s := range slow {
					longest = max(longest, s.Duration)
				}
				b.StartTimer()
			}
			b.ReportMetric(n/best.Seconds(), "invoices/s")
			b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest-in-redis")
		})
	}
}

// admitAll runs a worker until n invoices are in their waiting set, and returns how long that took.
// When it returns or fails, the timer is stopped and the worker has ended. asynq panics if the
// Redis client is closed while the worker runs.
func admitAll(b *testing.B, rdb redis.UniversalClient, l *ledger.Ledger, w *tasks.Worker, n int) time.Duration {
	b.Helper()
	began := time.Now()
	server := asynq.NewServerFromRedisClient(rdb, asynq.Config{Concurrency: 16, Queues: queue.Queues(),
		TaskCheckInterval: 200 * time.Millisecond, LogLevel: asynq.FatalLevel})
	if err := server.Start(w.Mux()); err != nil {
		b.Fatal(err)
	}
	defer server.Shutdown()
	defer b.StopTimer()
	for deadline := began.Add(2 * time.Minute); ; {
		waits, err := l.Waits(b.Context())
		if err == nil && len(waits) == 1 && waits[0].Count == n {
			return time.Since(began)
		}
		if time.Now().After(deadline) {
			states, stateErr := l.Counts(b.Context())
			b.Fatalf("after two minutes not all of %d invoices wait in one set: sets %+v, %v; invoices by state %v, %v",
				n, waits, err, states, stateErr)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// benchQueued takes n new invoices into the ledger and returns their ids.
func benchQueued(b *testing.B, l *ledger.Ledger, n int) []string {
	b.Helper()
	taken, err := l.Take(b.Context(), benchInvoices(n))
	if err != nil {
		b.Fatal(err)
	}
	ids := make([]string, n)
	for i := range taken {
		ids[i] = taken[i].ID
	}
	return ids
}
