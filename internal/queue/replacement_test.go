package queue

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"ksefworker/internal/retry"
)

// orphan makes a pending task one that some server took and nobody works on: as a killed worker
// leaves it.
func (b *bench) orphan(queue, id string) {
	b.t.Helper()
	key := "asynq:{" + queue + "}:"
	b.must(b.rdb.RPopLPush(b.t.Context(), key+"pending", key+"active").Err())
	b.must(b.rdb.HSet(b.t.Context(), key+"t:"+id, "state", "active").Err())
	b.must(b.rdb.ZAdd(b.t.Context(), key+"lease", redis.Z{
		Score: float64(time.Now().Add(lease - 20*time.Second).Unix()), Member: id,
	}).Err()) // its server was silent for 20 s
}

// found makes it one that waits for its next try: as asynq gives it back.
func (b *bench) found(queue, id string) {
	b.t.Helper()
	key := "asynq:{" + queue + "}:"
	b.must(b.rdb.LRem(b.t.Context(), key+"active", 1, id).Err())
	b.must(b.rdb.ZRem(b.t.Context(), key+"lease", id).Err())
	b.must(b.rdb.ZAdd(b.t.Context(), key+"retry", redis.Z{Score: float64(time.Now().Add(time.Hour).Unix()), Member: id}).Err())
	b.must(b.rdb.HSet(b.t.Context(), key+"t:"+id, "state", "retry").Err())
}

func TestReplacement_RunsWhileItsTaskIsOrphaned_AndNotAfterwards(t *testing.T) {
	b := newBench(t)
	var runs atomic.Int32
	srv := asynq.NewServerFromRedisClient(b.rdb, asynq.Config{Concurrency: 4, Queues: Queues(), LogLevel: asynq.FatalLevel, ShutdownTimeout: time.Second,
		TaskCheckInterval: 50 * time.Millisecond, DelayedTaskCheckInterval: 100 * time.Millisecond, IsFailure: retry.IsFailure,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return 0 }})
	handler := b.Handle(func(context.Context, string) error {
		runs.Add(1)
		return &retry.LaterError{Delay: time.Second, Reason: retry.ReasonProcessing, What: "150"}
	})

	const queue = QueueConfirm
	id := TaskID(KindConfirm, "x", 0)
	twin := func() {
		t.Helper()
		_, err := asynq.NewClientFromRedisClient(b.rdb).Enqueue(asynq.NewTask(string(KindConfirm), encodePayload("x")), asynq.Queue(queue), asynq.TaskID(id+replacementSuffix), asynq.MaxRetry(retry.Unlimited))
		b.must(err)
	}
	gone := func() bool {
		_, err := b.eyes.GetTaskInfo(queue, id+replacementSuffix)
		return errors.Is(err, asynq.ErrTaskNotFound)
	}
	b.must(b.Put(t.Context(), KindConfirm, "x", 0, When{}))
	b.orphan(queue, id)
	b.must(b.Put(t.Context(), KindConfirm, "x", 0, When{Busy: map[string]bool{}}))
	if info := b.info(KindConfirm, id+replacementSuffix); info.State != asynq.TaskStatePending {
		t.Fatalf("the twin of one that is long orphaned is %v", info.State)
	}
	b.must(srv.Start(handler))
	t.Cleanup(srv.Shutdown)
	b.until("the twin of an orphan works, and again", func() bool { return runs.Load() >= 3 })
	b.found(queue, id)
	b.until("its task is back: it is not needed", gone)

	before := runs.Load()
	twin()
	b.until("a twin of a task that waits for its time ends", gone)
	b.must(b.eyes.DeleteTask(queue, id))
	twin()
	b.until("a twin of a task that has ended ends", gone)
	if runs.Load() != before {
		t.Error("it worked first")
	}
}

// A task that has just begun is not on its server's list yet: taken for an orphan, it gets a twin,
// which looks again before it does anything.
func TestReplacement_OriginalTaskIsRunning_DoesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var runs atomic.Int32
	stop := make(chan struct{})
	srv := asynq.NewServerFromRedisClient(b.rdb, asynq.Config{Concurrency: 4, Queues: Queues(), LogLevel: asynq.FatalLevel, ShutdownTimeout: time.Second,
		TaskCheckInterval: 50 * time.Millisecond, DelayedTaskCheckInterval: 100 * time.Millisecond})
	b.must(srv.Start(b.Handle(func(ctx context.Context, _ string) error {
		runs.Add(1)
		select {
		case <-stop:
		case <-ctx.Done():
		}
		return nil
	})))
	t.Cleanup(func() { close(stop); srv.Shutdown() })
	b.must(b.Put(t.Context(), KindConfirm, "x", 0, When{}))
	b.reach(KindConfirm, "x", asynq.TaskStateActive)
	b.must(b.Put(t.Context(), KindConfirm, "x", 0, When{Busy: map[string]bool{}}))
	if info := b.info(KindConfirm, TaskID(KindConfirm, "x", 0)+replacementSuffix); info.State != asynq.TaskStateScheduled {
		t.Fatalf("the twin of one that has just begun is %v", info.State)
	}
	b.until("the twin ended", func() bool {
		_, err := b.eyes.GetTaskInfo(QueueConfirm, TaskID(KindConfirm, "x", 0)+replacementSuffix)
		return errors.Is(err, asynq.ErrTaskNotFound)
	})
	if n := runs.Load(); n != 1 {
		t.Errorf("%d worked on it", n)
	}
}
