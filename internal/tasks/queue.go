package tasks

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

// NewQueue returns a queue on rdb, which it does not close.
func NewQueue(rdb redis.UniversalClient) *Queue {
	rdb = Unbounded(rdb)
	return &Queue{rdb: rdb, client: asynq.NewClientFromRedisClient(rdb), inspect: asynq.NewInspectorFromRedisClient(rdb)}
}

// When says when a task should run.
type When struct {
	In  time.Duration // not before this long from now; 0 is at once
	Run bool          // if it is there already but waits for its time, let it run now
	// Overflow says that the task is of an invoice of a overflow. It MUST be the same each time: asynq tells tasks of one id apart only within a queue.
	Overflow bool
	// Busy are the ids of tasks that some live worker says it is working on (see [Queue.Busy]); nil when nobody asked. A task that asynq calls active but that is
	// not among them lost its worker: asynq gives it back only after about a minute and a half, so a twin of it is queued. Should the worker be alive after all, the
	// ledger lets one of the two through.
	Busy map[string]bool
}

// Busy asks the pool's servers what they are working on; they say so every five seconds.
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

// Servers names the workers of this pool that are alive, as far as asynq knows: by host and process id. One that was killed is among
// them for some seconds more.
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

// TaskID is verb:id:revision. A task of the same id is the same work, so a second one is never queued; the revision of an invoice lets
// a new attempt be queued while a stale task still exists. Packages have no second attempt: rev 0 leaves it out.
func TaskID(k Kind, id string, rev int64) string {
	if rev == 0 {
		return string(k) + ":" + id
	}
	return fmt.Sprintf("%s:%s:%d", k, id, rev)
}

// Put queues a task unless the same one is there. It makes sure that what is there is alive: one that a person archived in the dashboard is replaced.
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
		return fmt.Errorf("look at task %s: %w", taskID, err)
	}
	switch {
	case info.State == asynq.TaskStateActive && when.Busy != nil && !when.Busy[taskID] && !when.Busy[taskID+twinSuffix]:
		return ignoreConflict(enqueueAs(ctx, q.client, queue, k, id, taskID+twinSuffix, q.twinIn(ctx, queue, taskID)))
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

// PutNew queues a task of which the caller knows that it is new; finding it there is success. It saves the look that [Queue.Put] takes.
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

// Open makes every queue known, so that the dashboard and the metrics show those that nothing has come to yet: asynq knows a queue from its first task on. That is a task here that
// would be a sweep an hour later, and is taken out again.
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
		_, err := q.client.EnqueueContext(ctx, asynq.NewTask(string(KindSweep), encodePayload("open")), asynq.Queue(name), asynq.TaskID(id), asynq.ProcessIn(time.Hour))
		if err := ignoreConflict(err); err != nil {
			return fmt.Errorf("open queue %s: %w", name, err)
		}
		if err := q.inspect.DeleteTask(name, id); err != nil && !errors.Is(err, asynq.ErrTaskNotFound) {
			return fmt.Errorf("open queue %s: %w", name, err)
		}
	}
	return nil
}

// Pending tells how many tasks of a kind's queues wait to be run at once; 0 for queues never used.
func (q *Queue) Pending(k Kind) (int, error) {
	n := 0
	err := q.each(k, func(info *asynq.QueueInfo) { n += info.Pending })
	return n, err
}

// Depth tells how many tasks a kind's queues hold in any state but archived and completed; 0 for queues never used.
func (q *Queue) Depth(k Kind) (int, error) {
	depth := 0
	err := q.each(k, func(info *asynq.QueueInfo) { depth += info.Pending + info.Active + info.Scheduled + info.Retry })
	return depth, err
}

func (q *Queue) each(k Kind, look func(*asynq.QueueInfo)) error {
	known, err := q.inspect.Queues() // asked first: GetQueueInfo's "no such queue" is of a type that asynq keeps to itself
	if err != nil {
		return fmt.Errorf("list queues: %w", err)
	}
	for _, queue := range k.Queues() {
		if !slices.Contains(known, queue) {
			continue
		}
		info, err := q.inspect.GetQueueInfo(queue)
		if err != nil {
			return fmt.Errorf("look at queue %s: %w", queue, err)
		}
		look(info)
	}
	return nil
}
