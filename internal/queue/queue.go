package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// Queue puts tasks into asynq. Safe for concurrent use.
type Queue struct {
	rdb     redis.UniversalClient
	client  *asynq.Client
	inspect *asynq.Inspector
}

// New returns a queue on rdb, which it does not close.
func New(rdb redis.UniversalClient) *Queue {
	rdb = Unbounded(rdb)
	return &Queue{
		rdb:     rdb,
		client:  asynq.NewClientFromRedisClient(rdb),
		inspect: asynq.NewInspectorFromRedisClient(rdb),
	}
}

// When says when a task should run.
type When struct {
	In  time.Duration // not earlier than this from now; 0 is at once
	Run bool          // if the task is there already but waits for its time, let it run now
	// Overflow says that the task is about an invoice of an overflow. It MUST be the same each
	// time: asynq tells tasks of one id apart only within a queue.
	Overflow bool
	// Busy holds the ids of the tasks that the live workers report as running (see [Queue.Busy]);
	// nil when the caller did not ask for them. A task that asynq calls active but that is not
	// among them lost its worker. asynq gives such a task back only after about a minute and a
	// half, so a replacement of it is queued. If the worker is alive after all, the ledger lets one
	// of the two through.
	Busy map[string]bool
}

// Busy asks the servers of the pool which tasks they are running. They report them every five
// seconds.
func (q *Queue) Busy() (map[string]bool, error) {
	servers, err := q.inspect.Servers()
	if err != nil {
		return nil, fmt.Errorf("list servers: %w", err)
	}
	busy := map[string]bool{}
	for _, s := range servers {
		for _, w := range s.ActiveWorkers {
			busy[w.TaskID] = true
		}
	}
	return busy, nil
}

// Servers names the workers of this pool that are alive, as far as asynq knows, by host and process
// id. A worker that was killed stays among them for some seconds.
func (q *Queue) Servers() ([]string, error) {
	servers, err := q.inspect.Servers()
	if err != nil {
		return nil, fmt.Errorf("list servers: %w", err)
	}
	ours := Queues()
	var names []string
	for _, s := range servers {
		for queue := range s.Queues { // another program may use asynq in this database
			if _, own := ours[queue]; own {
				names = append(names, fmt.Sprintf("%s, process %d", s.Host, s.PID))
				break
			}
		}
	}
	return names, nil
}

// TaskID is verb:id:revision. A task of the same id is the same work, so a second one is never
// queued. The revision of an invoice lets a new attempt be queued while an outdated task still
// exists. Packages have no second attempt: rev 0 leaves the revision out.
func TaskID(k Kind, id string, rev int64) string {
	if rev == 0 {
		return string(k) + ":" + id
	}
	return fmt.Sprintf("%s:%s:%d", k, id, rev)
}

// Put queues a task unless the same one is there. It also makes sure that the task which is there
// can run: one that a person archived in the dashboard is replaced.
func (q *Queue) Put(ctx context.Context, k Kind, id string, rev int64, when When) error {
	queue := k.queue(when.Overflow)
	err := enqueue(ctx, q.client, queue, k, id, rev, when.In)
	if !errors.Is(err, asynq.ErrTaskIDConflict) {
		return err
	}
	taskID := TaskID(k, id, rev)
	info, err := q.inspect.GetTaskInfo(queue, taskID)
	if errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound) {
		return ignoreConflict(enqueue(ctx, q.client, queue, k, id, rev, when.In)) // it ended in between
	}
	if err != nil {
		return fmt.Errorf("read task %s: %w", taskID, err)
	}
	switch {
	case info.State == asynq.TaskStateActive && when.Busy != nil && !when.Busy[taskID] && !when.Busy[taskID+replacementSuffix]:
		return ignoreConflict(enqueueAs(ctx, q.client, queue, k, id, taskID+replacementSuffix, q.replacementIn(ctx, queue, taskID)))
	case info.State == asynq.TaskStateArchived || info.State == asynq.TaskStateCompleted:
		if err := q.inspect.DeleteTask(queue, taskID); err != nil && !errors.Is(err, asynq.ErrTaskNotFound) {
			return fmt.Errorf("delete ended task %s: %w", taskID, err)
		}
		return ignoreConflict(enqueue(ctx, q.client, queue, k, id, rev, when.In))
	case when.Run && (info.State == asynq.TaskStateRetry || info.State == asynq.TaskStateScheduled):
		if err := q.inspect.RunTask(queue, taskID); err != nil && !errors.Is(err, asynq.ErrTaskNotFound) {
			return fmt.Errorf("run task %s: %w", taskID, err)
		}
	}
	return nil
}

// PutNew queues a task. The caller knows that the task is new; finding it in the queue is success.
// It saves the check of [Queue.Put].
func (q *Queue) PutNew(ctx context.Context, k Kind, id string, rev int64) error {
	return ignoreConflict(enqueue(ctx, q.client, k.queue(false), k, id, rev, 0))
}

func ignoreConflict(err error) error {
	if errors.Is(err, asynq.ErrTaskIDConflict) {
		return nil
	}
	return err
}

func enqueue(ctx context.Context, client *asynq.Client, queue string, k Kind, id string, rev int64, in time.Duration) error {
	return enqueueAs(ctx, client, queue, k, id, TaskID(k, id, rev), in)
}

func enqueueAs(ctx context.Context, client *asynq.Client, queue string, k Kind, id, taskID string, in time.Duration) error {
	opts := []asynq.Option{
		asynq.Queue(queue), asynq.TaskID(taskID),
		asynq.MaxRetry(k.retries()), asynq.Timeout(k.timeout()),
	}
	if in > 0 {
		opts = append(opts, asynq.ProcessIn(in))
	}
	if _, err := client.EnqueueContext(ctx, asynq.NewTask(string(k), encodePayload(id)), opts...); err != nil {
		return fmt.Errorf("queue %s: %w", taskID, err)
	}
	return nil
}

// Open makes every queue known to asynq, so that the dashboard and the metrics also show the queues
// that have had no task yet: asynq knows a queue from its first task on. That first task is queued
// here, as a sweep an hour later, and deleted at once.
func (q *Queue) Open(ctx context.Context) error {
	known, err := q.inspect.Queues()
	if err != nil {
		return fmt.Errorf("list queues: %w", err)
	}
	for name := range Queues() {
		if slices.Contains(known, name) {
			continue
		}
		id := "open:" + name
		first := asynq.NewTask(string(KindSweep), encodePayload("open"))
		_, err := q.client.EnqueueContext(ctx, first, asynq.Queue(name), asynq.TaskID(id), asynq.ProcessIn(time.Hour))
		if err := ignoreConflict(err); err != nil {
			return fmt.Errorf("open queue %s: %w", name, err)
		}
		if err := q.inspect.DeleteTask(name, id); err != nil && !errors.Is(err, asynq.ErrTaskNotFound) {
			return fmt.Errorf("open queue %s: %w", name, err)
		}
	}
	return nil
}

// Pending returns how many tasks in the queues of a kind wait to be run at once; 0 for queues that
// were never used.
func (q *Queue) Pending(k Kind) (int, error) {
	n := 0
	err := q.each(k, func(info *asynq.QueueInfo) { n += info.Pending })
	return n, err
}

// Depth returns how many tasks the queues of a kind hold in any state except archived and
// completed; 0 for queues that were never used.
func (q *Queue) Depth(k Kind) (int, error) {
	depth := 0
	err := q.each(k, func(info *asynq.QueueInfo) { depth += info.Pending + info.Active + info.Scheduled + info.Retry })
	return depth, err
}

func (q *Queue) each(k Kind, visit func(*asynq.QueueInfo)) error {
	// This comes first because asynq does not export the type of GetQueueInfo's "no such queue".
	known, err := q.inspect.Queues()
	if err != nil {
		return fmt.Errorf("list queues: %w", err)
	}
	for _, queue := range k.Queues() {
		if !slices.Contains(known, queue) {
			continue
		}
		info, err := q.inspect.GetQueueInfo(queue)
		if err != nil {
			return fmt.Errorf("read queue %s: %w", queue, err)
		}
		visit(info)
	}
	return nil
}

// Handle returns asynq's handler for tasks of this package. It reads the payload and calls do with
// the id. A replacement task that is not needed any more ends without a call. A payload that cannot
// be read is an error, so that a newer worker takes the task.
func (q *Queue) Handle(do func(ctx context.Context, id string) error) asynq.Handler {
	return asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error {
		id, err := decodePayload(t.Payload())
		if err != nil {
			return err
		}
		if idle, err := q.idle(ctx); err != nil || idle {
			return err
		}
		return do(ctx, id)
	})
}
