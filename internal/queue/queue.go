package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
	"ksefworker/internal/together"
)

// Queue puts tasks into asynq. Safe for concurrent use.
type Queue struct {
	rdb     redis.UniversalClient
	client  *asynq.Client
	inspect *asynq.Inspector
	chunks  together.Calls[*ledger.Invoice, struct{}]
}

// New returns a queue on rdb, which it does not close.
func New(rdb redis.UniversalClient) *Queue {
	rdb = Guarded(rdb)
	return &Queue{
		rdb:     rdb,
		client:  asynq.NewClientFromRedisClient(rdb),
		inspect: asynq.NewInspectorFromRedisClient(rdb),
		chunks:  together.Calls[*ledger.Invoice, struct{}]{Most: 2 * ChunkInvoices},
	}
}

// When says when a task should run.
type When struct {
	In  time.Duration // how long the task waits at least; 0 is at once
	Run bool          // if the task is there already but waits for its time, let it run now
	// Overflow says that the task belongs in an overflow queue (see [Queues]). It MUST be the same
	// each time, because asynq finds a task of the same id only within one queue.
	Overflow bool
	// Busy holds the ids of the tasks that the live workers report as running (see [Queue.Busy]).
	// It is nil when the caller did not ask for them. If asynq calls a task active but Busy lacks
	// it, the task has lost its worker. asynq gives such a task back only after about a minute and
	// a half, so a replacement task is queued. If the worker is alive after all, the ledger lets
	// only one of the two tasks through.
	Busy map[string]bool
}

// Busy returns the ids of the tasks that the servers of the pool have reported in Redis as running.
// They report every five seconds.
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

// TaskID returns the id of a task, kind:id:revision. A task of the same id is the same work, so a
// second one is never queued. The revision of an invoice lets a new attempt be queued while an
// outdated task still exists. Packages have no second attempt, so their rev is 0 and is left out.
func TaskID(k Kind, id string, rev int64) string {
	if rev == 0 {
		return string(k) + ":" + id
	}
	return fmt.Sprintf("%s:%s:%d", k, id, rev)
}

// Put queues a task. If the same task is there already, Put only makes sure that it can run. For
// example, it replaces a task that a person archived in the dashboard.
func (q *Queue) Put(ctx context.Context, k Kind, id string, rev int64, when When) error {
	return jobOf(k, id, rev, when.Overflow).put(ctx, q, when)
}

// Run lets a task that waits for its time run now. It does nothing when there is no such task, or
// when the task does not wait. It takes no context, because asynq takes none; the timeouts of the
// Redis client bound it.
func (q *Queue) Run(k Kind, id string) error {
	j := jobOf(k, id, 0, false)
	info, err := q.inspect.GetTaskInfo(j.queue, j.taskID)
	if errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound) {
		return nil
	}
	if err == nil && info.State != asynq.TaskStateRetry && info.State != asynq.TaskStateScheduled {
		return nil // a person may have archived it
	}
	if err == nil {
		err = q.inspect.RunTask(j.queue, j.taskID)
	}
	if err != nil && !errors.Is(err, asynq.ErrTaskNotFound) {
		return fmt.Errorf("run task %s: %w", j.taskID, err)
	}
	return nil
}

// PutNew queues a task that the caller knows to be new. If the task is in the queue already, that
// counts as success. PutNew saves the check that [Queue.Put] makes.
func (q *Queue) PutNew(ctx context.Context, k Kind, id string, rev int64) error {
	return ignoreConflict(jobOf(k, id, rev, false).enqueue(ctx, q.client, 0))
}

func ignoreConflict(err error) error {
	if errors.Is(err, asynq.ErrTaskIDConflict) {
		return nil
	}
	return err
}

// job is a task on its way into asynq.
type job struct {
	kind          Kind
	taskID, queue string
	payload       payload
}

func jobOf(k Kind, id string, rev int64, overflow bool) job {
	return job{kind: k, taskID: TaskID(k, id, rev), queue: k.queue(overflow), payload: payload{ID: id}}
}

func (j job) enqueue(ctx context.Context, client *asynq.Client, in time.Duration) error {
	opts := []asynq.Option{
		asynq.Queue(j.queue), asynq.TaskID(j.taskID),
		asynq.MaxRetry(j.kind.retries()), asynq.Timeout(j.kind.timeout()),
	}
	if in > 0 {
		opts = append(opts, asynq.ProcessIn(in))
	}
	if _, err := client.EnqueueContext(ctx, asynq.NewTask(string(j.kind), j.payload.encode()), opts...); err != nil {
		return fmt.Errorf("queue %s: %w", j.taskID, err)
	}
	return nil
}

// put does what [Queue.Put] does, for a job.
func (j job) put(ctx context.Context, q *Queue, when When) error {
	err := j.enqueue(ctx, q.client, when.In)
	if !errors.Is(err, asynq.ErrTaskIDConflict) {
		return err
	}
	info, err := q.inspect.GetTaskInfo(j.queue, j.taskID)
	if errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound) {
		return ignoreConflict(j.enqueue(ctx, q.client, when.In)) // it ended in between
	}
	if err != nil {
		return fmt.Errorf("read task %s: %w", j.taskID, err)
	}
	switch {
	case info.State == asynq.TaskStateActive && when.Busy != nil && !when.Busy[j.taskID] && !when.Busy[j.taskID+replacementSuffix]:
		in := replacementIn(ctx, q.rdb, j.queue, j.taskID)
		j.taskID += replacementSuffix
		return ignoreConflict(j.enqueue(ctx, q.client, in))
	case info.State == asynq.TaskStateArchived || info.State == asynq.TaskStateCompleted:
		if err := q.inspect.DeleteTask(j.queue, j.taskID); err != nil && !errors.Is(err, asynq.ErrTaskNotFound) {
			return fmt.Errorf("delete ended task %s: %w", j.taskID, err)
		}
		return ignoreConflict(j.enqueue(ctx, q.client, when.In))
	case when.Run && (info.State == asynq.TaskStateRetry || info.State == asynq.TaskStateScheduled):
		if err := q.inspect.RunTask(j.queue, j.taskID); err != nil && !errors.Is(err, asynq.ErrTaskNotFound) {
			return fmt.Errorf("run task %s: %w", j.taskID, err)
		}
	}
	return nil
}

// Open makes every queue of [Queues] known to asynq, so that the dashboard and the metrics also
// show unused queues. asynq knows a queue from its first task on. So Open queues a first task in
// each queue that asynq does not know, and deletes the task at once. The task is a sweep that is
// due in an hour.
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
		first := asynq.NewTask(string(KindSweep), payload{ID: "open"}.encode())
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

// Pending returns how many tasks in the queues of a kind are due and not yet running. It returns 0
// for queues that were never used.
func (q *Queue) Pending(k Kind) (int, error) {
	n := 0
	err := q.each(k, func(info *asynq.QueueInfo) { n += info.Pending })
	return n, err
}

// Depth returns how many tasks the queues of a kind hold in any state except archived and
// completed. It returns 0 for queues that were never used.
func (q *Queue) Depth(k Kind) (int, error) {
	depth := 0
	err := q.each(k, func(info *asynq.QueueInfo) { depth += info.Pending + info.Active + info.Scheduled + info.Retry })
	return depth, err
}

func (q *Queue) each(k Kind, visit func(*asynq.QueueInfo)) error { return q.eachOf(k.Queues(), visit) }

func (q *Queue) eachOf(queues []string, visit func(*asynq.QueueInfo)) error {
	// The queues are listed first because the type of GetQueueInfo's error "no such queue" is
	// unexported.
	known, err := q.inspect.Queues()
	if err != nil {
		return fmt.Errorf("list queues: %w", err)
	}
	for _, queue := range queues {
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

// Handle returns asynq's handler for the tasks of every kind but [KindChunk]. It reads the payload
// and calls do with the id. A replacement task that is no longer needed ends without a call. A
// payload that cannot be read is an error, so that a newer worker takes the task.
func (q *Queue) Handle(do func(ctx context.Context, id string) error) asynq.Handler {
	return q.handle(func(ctx context.Context, p payload) error { return do(ctx, p.ID) })
}

func (q *Queue) handle(do func(context.Context, payload) error) asynq.Handler {
	return asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error {
		p, err := decodePayload(t.Payload())
		if err != nil {
			return err
		}
		if idle, err := q.idle(ctx); err != nil || idle {
			return err
		}
		return do(ctx, p)
	})
}
