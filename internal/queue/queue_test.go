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

// bench is a queue on a Redis of its own, with asynq's eyes.
type bench struct {
	*Queue
	t    *testing.T
	rdb  *redis.Client
	eyes *asynq.Inspector
}

func newBench(t *testing.T) *bench {
	rdb, _ := redistest.New(t)
	return &bench{Queue: New(rdb), t: t, rdb: rdb, eyes: asynq.NewInspectorFromRedisClient(rdb)}
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) info(k Kind, taskID string) *asynq.TaskInfo {
	b.t.Helper()
	info, err := b.eyes.GetTaskInfo(k.queue(false), taskID)
	b.must(err)
	return info
}

func (b *bench) state(k Kind, id string) asynq.TaskState {
	b.t.Helper()
	return b.info(k, TaskID(k, id, 0)).State
}

func (b *bench) reach(k Kind, id string, want asynq.TaskState) {
	b.t.Helper()
	b.until(fmt.Sprintf("%s %s is %v", k, id, want), func() bool {
		info, err := b.eyes.GetTaskInfo(k.queue(false), TaskID(k, id, 0))
		return err == nil && info.State == want
	})
}

// until polls: asynq tells nobody when a task changes.
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
			b.t.Fatalf("never: %s", what)
		}
	}
}

// server runs tasks: "fail" fails, "done" is done, everything else blocks until the test ends.
func (b *bench) server() {
	b.t.Helper()
	stop := make(chan struct{})
	srv := asynq.NewServerFromRedisClient(b.rdb, asynq.Config{Concurrency: 4, Queues: Queues(), LogLevel: asynq.FatalLevel, ShutdownTimeout: time.Second,
		TaskCheckInterval: 50 * time.Millisecond, RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return time.Hour }})
	b.must(srv.Start(asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
		switch id, _ := decodePayload(task.Payload()); id {
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
	})))
	b.t.Cleanup(func() { close(stop); srv.Shutdown() })
}

func TestPut_NewTask_IsPendingWithTheQueueTimeoutAndRetriesOfItsKind(t *testing.T) {
	b := newBench(t)
	for _, k := range Kinds() {
		retries := retry.Unlimited // whatever waits must never end by a count
		if k == KindSweep {
			retries = 1 // the next round has its own
		}
		b.must(b.Put(t.Context(), k, "x", 3, When{}))
		info := b.info(k, TaskID(k, "x", 3))
		if info.State != asynq.TaskStatePending || info.Type != string(k) || info.Queue != k.queue(false) || info.MaxRetry != retries || info.Timeout != k.timeout() ||
			string(info.Payload) != `{"v":1,"id":"x"}` || info.Retention != 0 {
			t.Errorf("%s: %+v", k, info)
		}
	}
}

func TestPut_ATaskThatIsThere(t *testing.T) {
	b := newBench(t)
	put := func(id string, when When) {
		t.Helper()
		b.must(b.Put(t.Context(), KindConfirm, id, 0, when))
	}
	put("pending", When{})
	put("scheduled", When{In: time.Hour})
	put("scheduled to run", When{In: time.Hour})
	put("archived", When{})
	b.must(b.eyes.ArchiveTask(QueueConfirm, TaskID(KindConfirm, "archived", 0)))
	put("archived for later", When{})
	b.must(b.eyes.ArchiveTask(QueueConfirm, TaskID(KindConfirm, "archived for later", 0)))
	for _, c := range []struct {
		what, id string
		when     When
		want     asynq.TaskState
	}{
		{"pending stays", "pending", When{}, asynq.TaskStatePending},
		{"pending stays when it should be later", "pending", When{In: time.Hour}, asynq.TaskStatePending},
		{"pending stays when it should run", "pending", When{Run: true}, asynq.TaskStatePending},
		{"scheduled keeps its time", "scheduled", When{}, asynq.TaskStateScheduled},
		{"scheduled runs when it should", "scheduled to run", When{Run: true}, asynq.TaskStatePending},
		{"scheduled runs when it should, although asked for later", "scheduled", When{In: time.Minute, Run: true}, asynq.TaskStatePending},
		{"archived by a person is replaced", "archived", When{}, asynq.TaskStatePending},
		{"archived is replaced for later", "archived for later", When{In: time.Hour}, asynq.TaskStateScheduled},
	} {
		put(c.id, c.when)
		if got := b.state(KindConfirm, c.id); got != c.want {
			t.Errorf("%s: is %v, want %v", c.what, got, c.want)
		}
	}
	if n, err := b.Depth(KindConfirm); n != 5 || err != nil {
		t.Errorf("%d tasks, %v, want 5: none was doubled", n, err)
	}
}

func TestPut_ATaskThatFailedEndedOrRuns(t *testing.T) {
	b := newBench(t)
	b.server()
	ctx := t.Context()

	b.must(b.Put(ctx, KindConfirm, "fail", 0, When{}))
	b.reach(KindConfirm, "fail", asynq.TaskStateRetry)
	b.must(b.Put(ctx, KindConfirm, "fail", 0, When{}))
	if got := b.state(KindConfirm, "fail"); got != asynq.TaskStateRetry {
		t.Errorf("a task that waits for its next try is %v", got)
	}
	b.must(b.Put(ctx, KindConfirm, "fail", 0, When{Run: true}))
	b.until("it is run again", func() bool { return b.info(KindConfirm, TaskID(KindConfirm, "fail", 0)).Retried == 2 })

	// Retention is not ours, but an operator's tool may have set it: a completed task must not
	// block its successor.
	_, err := asynq.NewClientFromRedisClient(b.rdb).Enqueue(asynq.NewTask(string(KindReceipt), encodePayload("done")), asynq.Queue(QueueReceipts),
		asynq.TaskID(TaskID(KindReceipt, "done", 0)), asynq.Retention(time.Hour))
	b.must(err)
	b.reach(KindReceipt, "done", asynq.TaskStateCompleted)
	b.must(b.Put(ctx, KindReceipt, "done", 0, When{In: time.Hour}))
	if got := b.state(KindReceipt, "done"); got != asynq.TaskStateScheduled {
		t.Errorf("a completed task was replaced by one that is %v", got)
	}

	b.must(b.Put(ctx, KindPackage, "runs", 0, When{}))
	b.reach(KindPackage, "runs", asynq.TaskStateActive)
	id := TaskID(KindPackage, "runs", 0)
	for what, when := range map[string]When{"asked for": {}, "asked to run": {Run: true}, "its worker says so": {Busy: map[string]bool{id: true}},
		"its twin's worker says so": {Busy: map[string]bool{id + replacementSuffix: true}}} {
		b.must(b.Put(ctx, KindPackage, "runs", 0, when))
		if _, err := b.eyes.GetTaskInfo(QueuePackages, id+replacementSuffix); err == nil {
			t.Errorf("%s: a task that runs has a twin", what)
		}
	}
	for range 2 {
		b.must(b.Put(ctx, KindPackage, "runs", 0, When{Busy: map[string]bool{}}))
	}
	if twin := b.info(KindPackage, id+replacementSuffix); string(twin.Payload) != string(encodePayload("runs")) || twin.Type != string(KindPackage) {
		t.Errorf("the twin of a task whose worker is gone is %+v", twin)
	}
}

func TestPutNew_TaskExists_IsSuccess(t *testing.T) {
	b := newBench(t)
	for range 3 {
		b.must(b.PutNew(t.Context(), KindSweep, "7", 0))
	}
	if n, err := b.Depth(KindSweep); n != 1 || err != nil {
		t.Errorf("%d tasks, %v", n, err)
	}
	if n, err := b.Depth(KindSend); n != 0 || err != nil {
		t.Errorf("a queue never used holds %d, %v", n, err)
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
	b.must(b.PutNew(t.Context(), KindSubmit, "inv-7", 1)) // one of them is there
	for _, again := range []string{"the first time", "the second time"} {
		b.must(b.PutAllNew(t.Context(), KindSubmit, invs))
		if n, err := b.Depth(KindSubmit); n != 301 || err != nil {
			t.Fatalf("%s: %d tasks, %v", again, n, err)
		}
	}
	got := *b.info(KindSubmit, TaskID(KindSubmit, "inv-299", 1))
	got.ID, got.Payload, got.NextProcessAt = want.ID, want.Payload, want.NextProcessAt
	if d := cmp.Diff(*want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Headers" }, cmp.Ignore())); d != "" {
		t.Error(d)
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
			t.Fatalf("%d tasks, %v", n, err)
		}
	}
}

func TestPutAllNew_RedisGone_IsAnError(t *testing.T) {
	b := newBench(t)
	b.must(b.rdb.Close())
	if err := b.PutAllNew(context.Background(), KindSubmit, []*ledger.Invoice{{Facts: ledger.Facts{ID: "inv-a"}, Rev: 1}}); err == nil {
		t.Error("tasks were queued nowhere")
	}
	if err := b.Put(context.Background(), KindSubmit, "inv-a", 1, When{}); err == nil {
		t.Error("a task was queued nowhere")
	}
	if _, err := b.Depth(KindSubmit); err == nil {
		t.Error("a depth was told of nothing")
	}
}

func TestOpen_EveryQueueIsKnownAndEmpty(t *testing.T) {
	b := newBench(t)
	b.must(b.Put(t.Context(), KindReceipt, "x", 0, When{}))
	for range 2 { // each worker does it
		b.must(b.Open(t.Context()))
	}
	known, err := b.eyes.Queues()
	b.must(err)
	if len(known) != len(Queues()) {
		t.Errorf("known are %v", known)
	}
	for _, q := range known {
		info, err := b.eyes.GetQueueInfo(q)
		b.must(err)
		want := 0
		if q == QueueReceipts {
			want = 1
		}
		if info.Size != want {
			t.Errorf("%s holds %d tasks", q, info.Size)
		}
	}
}
