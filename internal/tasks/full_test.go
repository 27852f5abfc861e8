package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// full makes Redis refuse writes for lack of memory.
func (fa *failures) full() {
	fa.t.Helper()
	fa.rdb.ConfigSet(fa.t.Context(), "maxmemory", "1")
	if err := fa.rdb.Set(fa.t.Context(), "probe", "x", 0).Err(); !redis.HasErrorPrefix(err, "OOM") {
		fa.t.Fatalf("Redis is not full: %v", err)
	}
}

func (b *bed) keys() int64 { return b.rdb.DBSize(b.t.Context()).Val() }

func TestFull_Admit_RefusesWithAReasonAndTakesNothing(t *testing.T) {
	s := newStage(t, simulator.Options{})
	s.admit(ledger.Bulk, s.good("A/0"))
	docs := make([]intake.Document, 250) // too many for one transaction
	for i := range docs {
		docs[i] = intake.Document{File: "b.xml", Data: s.good(fmt.Sprint("A/", i+1))}
	}
	before := s.keys()
	for why, below := range map[string]float64{"above the share": 0.85, "Redis refuses": 0} {
		a := s.admitter()
		a.IntakeBelow = below
		if below == 0 {
			s.full()
		} else {
			m, err := s.ledger.Memory(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s.rdb.ConfigSet(t.Context(), "maxmemory", fmt.Sprint(m.Used*11/10)) // 91 %
		}
		out, err := a.Admit(t.Context(), docs, intake.Terms{})
		if _, full := errors.AsType[*ledger.FullError](err); !full || out != nil {
			t.Errorf("%s: Admit returns %d answers and %v, want only a FullError", why, len(out), err)
		}
		if now := s.keys(); now != before {
			t.Errorf("%s: Redis had %d keys before and has %d now, want no change", why, before, now)
		}
	}
}

// Redis is full, and asynq still does all its work. A task is queued, runs, and runs again after an
// error.
func TestFull_QueueIsOpened_PutsServesAndRetriesTasks(t *testing.T) {
	s := newStage(t, simulator.Options{})
	s.full()
	q := queue.New(s.rdb)
	if err := q.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := q.Put(t.Context(), queue.KindConfirm, "pkg-a", 0, queue.When{}); err != nil {
		t.Fatal(err)
	}
	if err := q.Put(t.Context(), queue.KindConfirm, "pkg-b", 0, queue.When{In: time.Second}); err != nil {
		t.Fatal(err)
	}
	server := asynq.NewServerFromRedisClient(queue.Unbounded(s.rdb), asynq.Config{
		Concurrency: 2, Queues: queue.Queues(), LogLevel: asynq.FatalLevel,
		DelayedTaskCheckInterval: 100 * time.Millisecond,
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return 0 },
	})
	runs := make(chan string, 10)
	var ran atomic.Int32
	mux := asynq.NewServeMux()
	mux.HandleFunc(string(queue.KindConfirm), func(_ context.Context, task *asynq.Task) error {
		runs <- string(task.Payload())
		if ran.Add(1) == 1 {
			return errors.New("run again")
		}
		return nil
	})
	if err := server.Start(mux); err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown()
	got := map[string]int{}
	for range 3 {
		select {
		case id := <-runs:
			got[id]++
		case <-time.After(patience):
			t.Fatalf("after %v only these tasks have run: %v", patience, got)
		}
	}
	if len(got) != 2 {
		t.Errorf("the tasks ran %v, want both, and twice the one whose first run failed", got)
	}
	s.eventually("the server is registered", func() bool {
		servers, err := asynq.NewInspectorFromRedisClient(s.rdb).Servers()
		return err == nil && len(servers) == 1
	})
	s.eventually("both tasks are gone", func() bool { n, err := q.Depth(queue.KindConfirm); return err == nil && n == 0 })
}

// While Redis has memory, the scripts of asynq are called by their hashes as usual.
func TestUnbounded_RedisHasMemory_ScriptsGoByTheirHashes(t *testing.T) {
	s := newStage(t, simulator.Options{})
	q := queue.New(s.rdb)
	for i := range 3 {
		if err := q.Put(t.Context(), queue.KindConfirm, fmt.Sprint("pkg-", i), 0, queue.When{}); err != nil {
			t.Fatal(err)
		}
	}
	stats := s.rdb.InfoMap(t.Context(), "commandstats").Item("Commandstats", "cmdstat_eval")
	if want := "calls=1,"; len(stats) < len(want) || stats[:len(want)] != want {
		t.Errorf("the statistics of EVAL are %q, want one call, for the first use of the script", stats)
	}
}
