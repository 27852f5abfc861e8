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

// orphan leaves a pending task as a killed worker would: a server has taken the task, and nobody
// runs it.
func (b *bench) orphan(queue, id string) {
	b.t.Helper()
	key := "asynq:{" + queue + "}:"
	b.must(b.rdb.LMove(b.t.Context(), key+"pending", key+"active", "RIGHT", "LEFT").Err())
	b.must(b.rdb.HSet(b.t.Context(), key+"t:"+id, "state", "active").Err())
	b.must(b.rdb.ZAdd(b.t.Context(), key+"lease", redis.Z{
		Score: float64(time.Now().Add(lease - 20*time.Second).Unix()), Member: id,
	}).Err()) // as if the server had given no sign for 20 s
}

// giveBack makes an orphaned task wait for its next attempt, as asynq does when it finds an orphan.
func (b *bench) giveBack(queue, id string) {
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
	handler := b.Handle(func(context.Context, string) error {
		runs.Add(1)
		return &retry.LaterError{Delay: time.Second, Reason: retry.ReasonProcessing, What: "150"}
	})

	const queue = QueueConfirm
	id := TaskID(KindConfirm, "x", 0)
	replacement := func() {
		t.Helper()
		_, err := asynq.NewClientFromRedisClient(b.rdb).Enqueue(asynq.NewTask(string(KindConfirm), payload{ID: "x"}.encode()),
			asynq.Queue(queue), asynq.TaskID(id+replacementSuffix), asynq.MaxRetry(retry.Unlimited))
		b.must(err)
	}
	gone := func() bool {
		_, err := b.inspect.GetTaskInfo(queue, id+replacementSuffix)
		return errors.Is(err, asynq.ErrTaskNotFound)
	}
	b.must(b.Put(t.Context(), KindConfirm, "x", 0, When{}))
	b.orphan(queue, id)
	b.must(b.Put(t.Context(), KindConfirm, "x", 0, When{Busy: map[string]bool{}}))
	if info := b.info(KindConfirm, id+replacementSuffix); info.State != asynq.TaskStatePending {
		t.Fatalf("the replacement of a task that has been an orphan for long is %v, want pending", info.State)
	}
	b.serve(0, handler)
	b.until("the replacement of an orphan runs again and again", func() bool { return runs.Load() >= 3 })
	b.giveBack(queue, id)
	b.until("the replacement ends when its task is back", gone)

	before := runs.Load()
	replacement()
	b.until("the replacement of a task that waits for its time ends", gone)
	b.must(b.inspect.DeleteTask(queue, id))
	replacement()
	b.until("the replacement of a task that has ended ends", gone)
	if runs.Load() != before {
		t.Error("a replacement that was not needed ran its handler")
	}
}

// A task that has just begun is not on its server's list of running tasks yet, so it counts as an
// orphan and gets a replacement. The replacement checks again before it does anything.
func TestReplacement_OriginalTaskIsRunning_DoesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var runs atomic.Int32
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	b.serve(time.Hour, b.Handle(func(ctx context.Context, _ string) error {
		runs.Add(1)
		select {
		case <-stop:
		case <-ctx.Done():
		}
		return nil
	}))
	b.must(b.Put(t.Context(), KindConfirm, "x", 0, When{}))
	b.reach(KindConfirm, "x", asynq.TaskStateActive)
	b.must(b.Put(t.Context(), KindConfirm, "x", 0, When{Busy: map[string]bool{}}))
	if info := b.info(KindConfirm, TaskID(KindConfirm, "x", 0)+replacementSuffix); info.State != asynq.TaskStateScheduled {
		t.Fatalf("the replacement of a task that has just begun is %v, want scheduled", info.State)
	}
	b.until("the replacement ends", func() bool {
		_, err := b.inspect.GetTaskInfo(QueueConfirm, TaskID(KindConfirm, "x", 0)+replacementSuffix)
		return errors.Is(err, asynq.ErrTaskNotFound)
	})
	if n := runs.Load(); n != 1 {
		t.Errorf("the handler ran %d times, want once", n)
	}
}
