package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hibiken/asynq"
)

// TaskPhase is how far a task has come in its queue.
type TaskPhase string

// The phases.
const (
	TaskPending TaskPhase = "pending" // runs when a worker is free
	TaskActive  TaskPhase = "active"  // a worker runs it
	TaskWaiting TaskPhase = "waiting" // it waits for its time
)

// TaskInfo is what the queue knows of one task.
type TaskInfo struct {
	Queue string
	Kind  Kind
	ID    string // of the invoice, package, waiting set or chunk that the task is about
	// Tenant, Count and IDs are set for a chunk. They are the tenant of its invoices, their number,
	// and their ids. IDs is nil when this chunk and those before it carry more than [maxCarried]
	// invoices.
	Tenant string
	Count  int
	IDs    []string
	Phase  TaskPhase
	Next   time.Time // with TaskWaiting: when it runs
	Err    string    // the error of its last run, as [retry.ParseVerdict] reads it; "" when no run has failed yet
}

// Stats is what the queues hold at one moment.
type Stats struct {
	Workers int             // processes that run tasks
	Paused  map[string]bool // queues that a person has paused
	Pending map[string]int  // number of pending tasks, by queue
	Tasks   map[string]TaskInfo
	// Chunks holds the ids of the tasks that carry several invoices, by the id of each invoice.
	Chunks map[string]string
	More   map[string]int // number of tasks that are not in Tasks, by queue
}

// maxCarried bounds how many invoices of chunks are read by id. A chunk of a hundred is four
// kilobytes in Redis, and its invoices take as much again in memory.
const maxCarried = 20_000

// Of returns the task that does the next step of an invoice or a package. For an invoice the task
// may be the chunk that carries it. Of returns false when no such task was read.
func (s *Stats) Of(k Kind, id string, rev int64) (TaskInfo, bool) {
	t, ok := s.Tasks[TaskID(k, id, rev)]
	if !ok && k == KindSubmit {
		t, ok = s.Tasks[s.Chunks[id]]
	}
	return t, ok
}

// add adds a task that was read. If several chunks carry the same invoice, Chunks names the one
// that was read first.
func (s *Stats) add(id string, t TaskInfo) {
	if len(s.Chunks)+len(t.IDs) > maxCarried {
		t.IDs = nil
	}
	for _, inv := range t.IDs {
		if _, there := s.Chunks[inv]; !there {
			s.Chunks[inv] = id
		}
	}
	s.Tasks[id] = t
}

// Stats reads the queues. Of each queue it reads up to limit tasks in each of four states: active,
// pending, waiting for a retry, and scheduled. In each state, it reads the tasks that are next in
// line.
func (q *Queue) Stats(limit int) (Stats, error) {
	stats := Stats{
		Paused:  map[string]bool{},
		Pending: map[string]int{},
		Tasks:   map[string]TaskInfo{},
		Chunks:  map[string]string{},
		More:    map[string]int{},
	}
	servers, err := q.inspect.Servers()
	if err != nil {
		return stats, fmt.Errorf("list servers: %w", err)
	}
	for _, s := range servers {
		if _, only := s.Queues[QueueResults]; s.Status == "active" && !only {
			stats.Workers++
		}
	}
	known, err := q.inspect.Queues()
	if err != nil {
		return stats, fmt.Errorf("list queues: %w", err)
	}
	ours := Queues()
	known = slices.DeleteFunc(known, func(name string) bool { return ours[name] == 0 })
	// The sizes are not read by the inspector, because it would also ask for the memory of tasks
	// (see Sizes).
	sizes, _, _, err := readSizes(context.Background(), q.rdb, known, false)
	if err != nil {
		return stats, err
	}
	for i := range sizes {
		if err := q.readQueue(&sizes[i], limit, &stats); err != nil {
			return stats, fmt.Errorf("read queue %s: %w", sizes[i].Queue, err)
		}
	}
	return stats, nil
}

func (q *Queue) readQueue(info *Size, limit int, stats *Stats) error {
	name := info.Queue
	stats.Paused[name], stats.Pending[name] = info.Paused, info.Pending
	lists := []struct {
		size int
		list func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error)
	}{
		{info.Active, q.inspect.ListActiveTasks},
		{info.Pending, q.inspect.ListPendingTasks},
		{info.Retry, q.inspect.ListRetryTasks},
		{info.Scheduled, q.inspect.ListScheduledTasks},
	}
	for _, l := range lists {
		if l.size == 0 {
			continue
		}
		found, err := l.list(name, asynq.PageSize(limit))
		if err != nil {
			return err
		}
		for _, t := range found {
			stats.add(t.ID, taskInfo(t))
		}
		stats.More[name] += max(l.size-len(found), 0)
	}
	return nil
}

// Task returns the task of one invoice or package; false when there is none.
func (q *Queue) Task(k Kind, id string, rev int64) (TaskInfo, bool, error) {
	taskID := TaskID(k, id, rev)
	for _, queue := range k.Queues() {
		info, err := q.inspect.GetTaskInfo(queue, taskID)
		switch {
		case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
			continue
		case err != nil:
			return TaskInfo{}, false, fmt.Errorf("read task %s: %w", taskID, err)
		}
		return taskInfo(info), true, nil
	}
	return TaskInfo{}, false, nil
}

func taskInfo(t *asynq.TaskInfo) TaskInfo {
	p, _ := decodePayload(t.Payload) // a payload that cannot be read leaves the id empty
	i := TaskInfo{Queue: t.Queue, Kind: Kind(t.Type), ID: p.ID, Tenant: p.Tenant, Count: p.Count, IDs: p.IDs,
		Phase: TaskWaiting, Next: t.NextProcessAt, Err: t.LastErr}
	switch t.State {
	case asynq.TaskStatePending:
		i.Phase, i.Next = TaskPending, time.Time{}
	case asynq.TaskStateActive:
		i.Phase, i.Next = TaskActive, time.Time{}
	}
	return i
}
