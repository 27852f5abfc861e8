package queue

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/retry"
)

// bench is a queue on a Redis of its own, and asynq's inspector of it.
type bench struct {
	*Queue
	t       *testing.T
	rdb     *redis.Client
	inspect *asynq.Inspector
}

func newBench(t *testing.T) *bench {
	rdb, _ := redistest.New(t)
	return &bench{Queue: New(rdb), t: t, rdb: rdb, inspect: asynq.NewInspectorFromRedisClient(rdb)}
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// info returns what asynq knows of a task.
func (b *bench) info(k Kind, taskID string) *asynq.TaskInfo {
	b.t.Helper()
	info, err := b.inspect.GetTaskInfo(k.queue(false), taskID)
	b.must(err)
	return info
}

// state returns the state of a task of revision 0.
func (b *bench) state(k Kind, id string) asynq.TaskState {
	b.t.Helper()
	return b.info(k, TaskID(k, id, 0)).State
}

// reach waits until a task is in a state.
func (b *bench) reach(k Kind, id string, want asynq.TaskState) {
	b.t.Helper()
	b.until(fmt.Sprintf("%s %s is %v", k, id, want), func() bool {
		info, err := b.inspect.GetTaskInfo(k.queue(false), TaskID(k, id, 0))
		return err == nil && info.State == want
	})
}

// until polls until done holds, because asynq tells nobody when a task changes.
func (b *bench) until(what string, done func() bool) {
	b.t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			b.t.Fatalf("this did not happen in time: %s", what)
		}
	}
}

// server runs a server of asynq. The task "fail" fails, the task "done" succeeds, and every other
// task blocks until the test ends.
func (b *bench) server() {
	b.t.Helper()
	stop := make(chan struct{})
	b.serve(time.Hour, asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
		switch p, _ := decodePayload(task.Payload()); p.ID {
		case "fail":
			return io.EOF
		case "done":
			return nil
		}
		select {
		case <-stop:
		case <-ctx.Done():
		}
		return nil
	}))
	b.t.Cleanup(func() { close(stop) })
}

// serve runs a server of asynq until the test ends. A task that failed runs again after delay.
func (b *bench) serve(delay time.Duration, h asynq.Handler) {
	b.t.Helper()
	srv := asynq.NewServerFromRedisClient(b.rdb, asynq.Config{
		Concurrency: 4, Queues: Queues(), LogLevel: asynq.FatalLevel, ShutdownTimeout: time.Second,
		TaskCheckInterval: 50 * time.Millisecond, DelayedTaskCheckInterval: 100 * time.Millisecond,
		IsFailure:      retry.IsFailure,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return delay },
	})
	b.must(srv.Start(h))
	b.t.Cleanup(srv.Shutdown)
}

func TestPut_NewTask_IsPendingWithTheQueueTimeoutAndRetriesOfItsKind(t *testing.T) {
	b := newBench(t)
	for _, k := range Kinds() {
		retries := retry.Unlimited // a task that waits must never end because of a count
		if k == KindSweep {
			retries = 1 // the next round has a sweep of its own
		}
		b.must(b.Put(t.Context(), k, "x", 3, When{}))
		info := b.info(k, TaskID(k, "x", 3))
		if info.State != asynq.TaskStatePending || info.Type != string(k) || info.Queue != k.queue(false) ||
			info.MaxRetry != retries || info.Timeout != k.timeout() || info.Retention != 0 ||
			string(info.Payload) != `{"v":1,"id":"x"}` {
			t.Errorf("the new task of kind %s is %+v, want it pending in the queue %s with %d retries, the timeout %v and no retention",
				k, info, k.queue(false), retries, k.timeout())
		}
	}
}

func TestPut_TaskExists_RunsAtTheEarlierTimeAndIsNotDoubled(t *testing.T) {
	b := newBench(t)
	put := func(id string, when When) {
		t.Helper()
		b.must(b.Put(t.Context(), KindConfirm, id, 0, when))
	}
	put("pending", When{})
	put("scheduled", When{In: time.Hour})
	put("scheduled to run", When{In: time.Hour})
	put("archived", When{})
	b.must(b.inspect.ArchiveTask(QueueConfirm, TaskID(KindConfirm, "archived", 0)))
	put("archived for later", When{})
	b.must(b.inspect.ArchiveTask(QueueConfirm, TaskID(KindConfirm, "archived for later", 0)))
	for _, c := range []struct {
		what, id string
		when     When
		want     asynq.TaskState
	}{
		{"a pending task stays pending", "pending", When{}, asynq.TaskStatePending},
		{"a pending task stays pending when put for later", "pending", When{In: time.Hour}, asynq.TaskStatePending},
		{"a pending task stays pending when put to run", "pending", When{Run: true}, asynq.TaskStatePending},
		{"a scheduled task keeps its time when put again", "scheduled", When{}, asynq.TaskStateScheduled},
		{"a scheduled task runs when put to run", "scheduled to run", When{Run: true}, asynq.TaskStatePending},
		{"a scheduled task runs at once when put to run in a minute",
			"scheduled", When{In: time.Minute, Run: true}, asynq.TaskStatePending},
		{"an archived task is replaced by one that is pending", "archived", When{}, asynq.TaskStatePending},
		{"an archived task is replaced by one for later", "archived for later", When{In: time.Hour}, asynq.TaskStateScheduled},
	} {
		put(c.id, c.when)
		if got := b.state(KindConfirm, c.id); got != c.want {
			t.Errorf("%s: the task is %v, want %v", c.what, got, c.want)
		}
	}
	if n, err := b.Depth(KindConfirm); n != 5 || err != nil {
		t.Errorf("the queue has %d tasks, %v, want 5, because no task is doubled", n, err)
	}
}

func TestPut_TaskFailedEndedOrRuns_IsRunReplacedOrLeft(t *testing.T) {
	b := newBench(t)
	b.server()
	ctx := t.Context()

	b.must(b.Put(ctx, KindConfirm, "fail", 0, When{}))
	b.reach(KindConfirm, "fail", asynq.TaskStateRetry)
	b.must(b.Put(ctx, KindConfirm, "fail", 0, When{}))
	if got := b.state(KindConfirm, "fail"); got != asynq.TaskStateRetry {
		t.Errorf("a task that waits for its next attempt is %v after Put, want it left as it is", got)
	}
	b.must(b.Put(ctx, KindConfirm, "fail", 0, When{Run: true}))
	b.until("the task is run again", func() bool { return b.info(KindConfirm, TaskID(KindConfirm, "fail", 0)).Retried == 2 })

	// Put sets no retention, so asynq deletes a task that Put has queued when the task is
	// completed. A tool of the operator may set a retention, so that the completed task stays. Such
	// a task must not block the next task of the same id.
	_, err := asynq.NewClientFromRedisClient(b.rdb).Enqueue(asynq.NewTask(string(KindReceipt), payload{ID: "done"}.encode()),
		asynq.Queue(QueueReceipts), asynq.TaskID(TaskID(KindReceipt, "done", 0)), asynq.Retention(time.Hour))
	b.must(err)
	b.reach(KindReceipt, "done", asynq.TaskStateCompleted)
	b.must(b.Put(ctx, KindReceipt, "done", 0, When{In: time.Hour}))
	if got := b.state(KindReceipt, "done"); got != asynq.TaskStateScheduled {
		t.Errorf("after Put the task that was completed is %v, want it replaced by a scheduled one", got)
	}

	b.must(b.Put(ctx, KindPackage, "runs", 0, When{}))
	b.reach(KindPackage, "runs", asynq.TaskStateActive)
	id := TaskID(KindPackage, "runs", 0)
	for what, when := range map[string]When{
		"put again":                     {},
		"put to run at once":            {Run: true},
		"its worker is busy with it":    {Busy: map[string]bool{id: true}},
		"a worker runs its replacement": {Busy: map[string]bool{id + replacementSuffix: true}},
	} {
		b.must(b.Put(ctx, KindPackage, "runs", 0, when))
		if _, err := b.inspect.GetTaskInfo(QueuePackages, id+replacementSuffix); err == nil {
			t.Errorf("%s: a task that runs has a replacement, want none", what)
		}
	}
	for range 2 {
		b.must(b.Put(ctx, KindPackage, "runs", 0, When{Busy: map[string]bool{}}))
	}
	replacement := b.info(KindPackage, id+replacementSuffix)
	if string(replacement.Payload) != string(payload{ID: "runs"}.encode()) || replacement.Type != string(KindPackage) {
		t.Errorf("the replacement of a task whose worker is gone is %+v, want the payload and the kind of the task", replacement)
	}
}

func TestPutNew_TaskExists_IsSuccess(t *testing.T) {
	b := newBench(t)
	for range 3 {
		b.must(b.PutNew(t.Context(), KindSweep, "7", 0))
	}
	if n, err := b.Depth(KindSweep); n != 1 || err != nil {
		t.Errorf("there are %d tasks, want 1; %v", n, err)
	}
	if n, err := b.Depth(KindSend); n != 0 || err != nil {
		t.Errorf("a queue that was never used has %d tasks, want none; %v", n, err)
	}
}

func TestPutAllNew_MakesTheSameTasksAsPutNew_InOneGo(t *testing.T) {
	b := newBench(t)
	b.must(b.PutNew(t.Context(), KindSubmit, "alone", 1))
	want := b.info(KindSubmit, TaskID(KindSubmit, "alone", 1))
	var invs []*ledger.Invoice
	for i := range 300 {
		invs = append(invs, &ledger.Invoice{Facts: ledger.Facts{ID: fmt.Sprint("inv-", i)}, Rev: 1})
	}
	b.must(b.PutNew(t.Context(), KindSubmit, "inv-7", 1)) // one of the tasks exists
	for _, again := range []string{"the first time", "the second time"} {
		b.must(b.PutAllNew(t.Context(), KindSubmit, invs))
		if n, err := b.Depth(KindSubmit); n != 301 || err != nil {
			t.Fatalf("%s there are %d tasks, want 301; %v", again, n, err)
		}
	}
	got := *b.info(KindSubmit, TaskID(KindSubmit, "inv-299", 1))
	got.ID, got.Payload, got.NextProcessAt = want.ID, want.Payload, want.NextProcessAt
	headers := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Headers" }, cmp.Ignore())
	if d := cmp.Diff(*want, got, headers); d != "" {
		t.Error("PutAllNew makes another task than PutNew (-PutNew +PutAllNew):", d)
	}
	b.must(b.PutAllNew(t.Context(), KindSubmit, nil))
}

func TestPutAllNew_RedisForgotAsynqsScript_NothingIsLost(t *testing.T) {
	b := newBench(t)
	var invs []*ledger.Invoice
	for i := range 50 {
		invs = append(invs, &ledger.Invoice{Facts: ledger.Facts{ID: fmt.Sprint("inv-", i)}, Rev: 1})
	}
	for round := range 3 {
		b.must(b.rdb.ScriptFlush(t.Context()).Err())
		if round == 2 {
			b.must(b.rdb.FlushAll(t.Context()).Err())
		}
		b.must(b.PutAllNew(t.Context(), KindSubmit, invs))
		if n, err := b.Depth(KindSubmit); n != 50 || err != nil {
			t.Fatalf("there are %d tasks, want 50; %v", n, err)
		}
	}
}

func TestPutAllNew_RedisGone_IsAnError(t *testing.T) {
	b := newBench(t)
	b.must(b.rdb.Close())
	if err := b.PutAllNew(context.Background(), KindSubmit, []*ledger.Invoice{{Facts: ledger.Facts{ID: "inv-a"}, Rev: 1}}); err == nil {
		t.Error("tasks were queued without Redis")
	}
	if err := b.Put(context.Background(), KindSubmit, "inv-a", 1, When{}); err == nil {
		t.Error("a task was queued without Redis")
	}
	if _, err := b.Depth(KindSubmit); err == nil {
		t.Error("Depth succeeded without Redis")
	}
}

func TestOpen_EveryQueueIsKnownAndEmpty(t *testing.T) {
	b := newBench(t)
	b.must(b.Put(t.Context(), KindReceipt, "x", 0, When{}))
	for range 2 { // each worker opens the queue
		b.must(b.Open(t.Context()))
	}
	known, err := b.inspect.Queues()
	b.must(err)
	if len(known) != len(Queues()) {
		t.Errorf("asynq knows the queues %v, want all that workers serve", known)
	}
	for _, q := range known {
		info, err := b.inspect.GetQueueInfo(q)
		b.must(err)
		want := 0
		if q == QueueReceipts {
			want = 1
		}
		if info.Size != want {
			t.Errorf("%s has %d tasks, want none but the receipt task that was put", q, info.Size)
		}
	}
}
