package intake_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
)

const benchFiles = 10_000

// BenchmarkEnqueue_10kFiles measures all that enqueue submit does, from files on disk to entries
// and tasks in Redis. It compares the rate with that of bare asynq, which queues as many tasks on
// the same Redis, one for each invoice. asynq is called in two ways: in a loop, as its
// documentation shows, and from 8 or 32 goroutines, whichever is faster. The metrics of-loop and
// of-goroutines say what share of asynq's rate enqueue reaches.
func BenchmarkEnqueue_10kFiles(b *testing.B) {
	dir := b.TempDir()
	for name, doc := range sample.Invoices(sample.NIP(0), benchFiles, "") {
		if err := os.WriteFile(filepath.Join(dir, name), doc, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	rdb := durableRedis(b)
	a := admitter(b, rdb)
	// enqueue and asynq are measured in turn, and their best rounds are compared, because other
	// work on the machine can only make a round slower.
	spent, loop, parallel := time.Hour, time.Hour, time.Hour
	for b.Loop() {
		b.StopTimer()
		loop = min(loop, bareAsynq(b, rdb, 1))
		for _, goroutines := range []int{8, 32} {
			parallel = min(parallel, bareAsynq(b, rdb, goroutines))
		}
		flush(b, rdb)
		b.StartTimer()
		began, created := time.Now(), 0
		items := intake.Read(b.Context(), []string{dir}, intake.Options{})
		err := intake.Run(b.Context(), a, items, intake.Terms{}, func(adms []intake.Admission) {
			for _, adm := range adms {
				if adm.Taken == ledger.Created {
					created++
				}
			}
		})
		spent = min(spent, time.Since(began))
		if err != nil || created != benchFiles {
			b.Fatalf("%d invoices were created, %v, want all files", created, err)
		}
	}
	b.ReportMetric(benchFiles/spent.Seconds(), "invoices/s")
	b.ReportMetric(benchFiles/loop.Seconds(), "bare-loop/s")
	b.ReportMetric(benchFiles/parallel.Seconds(), "bare-goroutines/s")
	b.ReportMetric(loop.Seconds()/spent.Seconds(), "of-loop")
	b.ReportMetric(parallel.Seconds()/spent.Seconds(), "of-goroutines")
}

// BenchmarkBareAsynq_10kTasks measures asynq alone, with one call for each task, from 1, 8 and 32
// goroutines.
func BenchmarkBareAsynq_10kTasks(b *testing.B) {
	rdb := durableRedis(b)
	for _, goroutines := range []int{1, 8, 32} {
		b.Run("goroutines="+strconv.Itoa(goroutines), func(b *testing.B) {
			best := time.Hour
			for b.Loop() {
				best = min(best, bareAsynq(b, rdb, goroutines))
			}
			b.ReportMetric(benchFiles/best.Seconds(), "tasks/s")
		})
	}
}

func bareAsynq(b *testing.B, rdb redis.UniversalClient, goroutines int) time.Duration {
	b.Helper()
	flush(b, rdb)
	client := asynq.NewClientFromRedisClient(rdb)
	began := time.Now()
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := g; i < benchFiles; i += goroutines {
				payload := fmt.Appendf(nil, `{"v":1,"id":"inv-%024d"}`, i)
				task := asynq.NewTask("invoice:submit", payload)
				id := asynq.TaskID("invoice:submit:" + strconv.Itoa(i))
				if _, err := client.Enqueue(task, id, asynq.Timeout(time.Minute)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

// durableRedis starts a Redis that keeps an append-only file, as the Redis of a real installation
// does. It never rewrites the file, because a rewrite would slow down some rounds by chance.
func durableRedis(b *testing.B) redis.UniversalClient {
	b.Helper()
	// The garbage collector is set as enqueue submit sets it. Bare asynq runs with the same
	// settings.
	limit, percent := debug.SetMemoryLimit(192<<20), debug.SetGCPercent(-1)
	b.Cleanup(func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) })
	srv := redistest.StartWith(b, redisd.Options{AppendOnly: true, Args: []string{"--auto-aof-rewrite-percentage", "0"}})
	return redistest.Client(b, srv)
}

func flush(b *testing.B, rdb redis.UniversalClient) {
	b.Helper()
	if err := rdb.FlushAll(context.Background()).Err(); err != nil {
		b.Fatal(err)
	}
}

func admitter(t testing.TB, rdb redis.UniversalClient) *intake.Admitter {
	t.Helper()
	bodies, err := ledger.NewBodies(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &intake.Admitter{
		Ledger: ledger.New(rdb, ledger.Options{}), Queue: queue.New(rdb), Bodies: bodies,
		Accounts: []intake.Account{{Name: sample.NIP(0), NIP: sample.NIP(0)}},
		Check:    invoice.CheckOptions{}, Now: time.Now,
	}
}
