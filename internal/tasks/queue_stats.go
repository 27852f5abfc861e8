package tasks

import (
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
)

// TaskPhase is how far a task has come in its queue.
type TaskPhase string

// The phases.
const (
	TaskPending TaskPhase = "pending" // next when a worker is free
	TaskActive  TaskPhase = "active"  // a worker runs it
	TaskWaiting TaskPhase = "waiting" // for its time
)

// TaskInfo is what the queue tells of one task.
type TaskInfo struct {
	Queue string
	Kind  Kind
	ID    string // of the invoice, package or waiting set that it is about
	Phase TaskPhase
	Next  time.Time // with TaskWaiting: when it runs
	Err   string    // what its last run came to, as [retry.ReadTold] reads it; "" when it did not run yet
}

// QueueStats is what the queues hold at one moment.
type QueueStats struct {
	Workers int             // processes that work off tasks
	Paused  map[string]bool // queues that a person has paused
	Pending map[string]int  // tasks by queue
	Tasks   map[string]TaskInfo
	More    map[string]int // tasks by queue that are not in Tasks
}

// Look reads the queues: of each up to limit tasks that are active, as many that are pending and as
// many that wait for their time, always those that are next.
func (q *Queue) Stats(limit int) (QueueStats, error) {
	look := QueueStats{Paused: map[string]bool{}, Pending: map[string]int{}, Tasks: map[string]TaskInfo{}, More: map[string]int{}}
	servers, err := q.inspect.Servers()
	if err != nil {
		return look, fmt.Errorf("list servers: %w", err)
	}
	for _, s := range servers {
		if s.Status == "active" {
			look.Workers++
		}
	}
	known, err := q.inspect.Queues()
	if err != nil {
		return look, fmt.Errorf("list queues: %w", err)
	}
	ours := Queues()
	for _, name := range known {
		if ours[name] == 0 {
			continue
		}
		if err := q.lookAt(name, limit, &look); err != nil {
			return look, fmt.Errorf("look at queue %s: %w", name, err)
		}
	}
	return look, nil
}

func (q *Queue) lookAt(name string, limit int, look *QueueStats) error {
	info, err := q.inspect.GetQueueInfo(name)
	if err != nil {
		return err
	}
	look.Paused[name], look.Pending[name] = info.Paused, info.Pending
	lists := []struct {
		size int
		list func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error)
	}{
		{info.Active, q.inspect.ListActiveTasks}, {info.Pending, q.inspect.ListPendingTasks}, {info.Retry, q.inspect.ListRetryTasks}, {info.Scheduled, q.inspect.ListScheduledTasks},
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
			look.Tasks[t.ID] = taskInfo(t)
		}
		look.More[name] += max(l.size-len(found), 0)
	}
	return nil
}

// Task looks at the task of one invoice or package; false when there is none.
func (q *Queue) Task(k Kind, id string, rev int64) (TaskInfo, bool, error) {
	taskID := TaskID(k, id, rev)
	for _, queue := range k.Queues() {
		info, err := q.inspect.GetTaskInfo(queue, taskID)
		switch {
		case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
			continue
		case err != nil:
			return TaskInfo{}, false, fmt.Errorf("look at task %s: %w", taskID, err)
		}
		return taskInfo(info), true, nil
	}
	return TaskInfo{}, false, nil
}

func taskInfo(t *asynq.TaskInfo) TaskInfo {
	id, _ := decodePayload(t.Payload) // one that cannot be read is about nothing that is known here
	i := TaskInfo{Queue: t.Queue, Kind: Kind(t.Type), ID: id, Phase: TaskWaiting, Next: t.NextProcessAt, Err: t.LastErr}
	switch t.State {
	case asynq.TaskStatePending:
		i.Phase, i.Next = TaskPending, time.Time{}
	case asynq.TaskStateActive:
		i.Phase, i.Next = TaskActive, time.Time{}
	}
	return i
}
