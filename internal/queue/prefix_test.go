package queue_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/internal/queue"
	"ksefworker/internal/redisd/redistest"
)

// asynq tells its servers by a channel which task to cancel. No hook sees the servers'
// subscriptions, so the client itself adds the prefix to the channel's name.
func TestAsynqClient_ATaskIsCancelled_OnlyItsOwnPoolIsTold(t *testing.T) {
	rdb, _ := redistest.New(t)
	const id = "same-id"
	type pool struct {
		inspect  *asynq.Inspector
		began    chan struct{}
		canceled chan struct{}
	}
	pools := map[string]*pool{}
	for _, prefix := range []string{"one:", "two:"} {
		client := queue.AsynqClient(rdb, prefix)
		p := &pool{inspect: asynq.NewInspectorFromRedisClient(client), began: make(chan struct{}), canceled: make(chan struct{})}
		pools[prefix] = p
		srv := asynq.NewServerFromRedisClient(client, asynq.Config{
			Concurrency: 1, LogLevel: asynq.FatalLevel, TaskCheckInterval: 20 * time.Millisecond, ShutdownTimeout: time.Second,
		})
		stop := make(chan struct{})
		if err := srv.Start(asynq.HandlerFunc(func(ctx context.Context, _ *asynq.Task) error {
			close(p.began)
			select {
			case <-ctx.Done():
				close(p.canceled)
			case <-stop:
			}
			return nil
		})); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { close(stop); srv.Shutdown() })
		if _, err := asynq.NewClientFromRedisClient(client).Enqueue(asynq.NewTask("wait", nil), asynq.TaskID(id)); err != nil {
			t.Fatalf("prefix %s: %v", prefix, err)
		}
	}
	for _, p := range pools {
		<-p.began
	}
	// A server subscribes some time after its start, and a message before that is lost.
	for canceled := false; !canceled; {
		if err := pools["two:"].inspect.CancelProcessing(id); err != nil {
			t.Fatal(err)
		}
		select {
		case <-pools["two:"].canceled:
			canceled = true
		case <-time.After(50 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("the task was never cancelled")
		}
	}
	select {
	case <-pools["one:"].canceled:
		t.Error("the other pool's task of the same id was cancelled too")
	default:
	}
	if _, err := asynq.NewClientFromRedisClient(queue.AsynqClient(rdb, "one:")).Enqueue(asynq.NewTask("wait", nil)); err != nil {
		t.Fatal(err)
	}
	for prefix, pending := range map[string]int{"one:": 1, "two:": 0} {
		info, err := pools[prefix].inspect.GetQueueInfo("default")
		if err != nil || info.Pending != pending {
			t.Errorf("prefix %s: the queue is %+v (error %v), want %d pending tasks", prefix, info, err, pending)
		}
		servers, err := pools[prefix].inspect.Servers()
		if err != nil || len(servers) != 1 {
			t.Errorf("prefix %s: %d servers, %v, want one, the pool's own", prefix, len(servers), err)
		}
	}
	for _, key := range rdb.Keys(t.Context(), "*").Val() {
		if !strings.HasPrefix(key, "one:asynq:") && !strings.HasPrefix(key, "two:asynq:") {
			t.Errorf("key %s has the prefix of no pool", key)
		}
	}
}
