package tasks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hibiken/asynq"
)

// A task whose worker was killed stays active until asynq gives it back, about a minute and a half later. The sweep queues a twin of it, which does its work meanwhile, and no longer: two
// that come back in turns ask everything twice.

// twinSuffix marks the twin of an orphaned task.
const twinSuffix = ":twin"

const (
	// said is how old what a server says of its tasks can be: it speaks every five seconds.
	said = 6 * time.Second
	// lease is how long asynq gives a server for a task, from its beginning and from each time that the server speaks.
	lease = 30 * time.Second
)

// twinIn is how long a twin has to wait until the task's server must have spoken of it: a task that has just begun looks like an orphan until then. That of one whose lease was last
// given longer ago need not wait. Leases are on the servers' own clocks: one that is
// off costs a few seconds, no more. Should a later asynq keep them elsewhere, every twin waits.
func (q *Queue) twinIn(ctx context.Context, queue, id string) time.Duration {
	score, err := q.rdb.ZScore(ctx, "asynq:{"+queue+"}:lease", id).Result()
	if err != nil {
		return said
	}
	given := time.Unix(int64(score), 0).Add(-lease)
	return min(max(time.Until(given.Add(said+time.Second)), 0), said)
}

// idle reports that the running task is a twin with nothing to do: the task that it stands in for waits for its own time, is worked on after all, or has ended.
func (q *Queue) idle(ctx context.Context) (bool, error) {
	id, _ := asynq.GetTaskID(ctx)
	of, twin := strings.CutSuffix(id, twinSuffix)
	if !twin {
		return false, nil
	}
	queue, _ := asynq.GetQueueName(ctx)
	info, err := q.inspect.GetTaskInfo(queue, of)
	if errors.Is(err, asynq.ErrTaskNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at task %s: %w", of, err)
	}
	if info.State != asynq.TaskStateActive {
		return true, nil
	}
	busy, err := q.Busy()
	return busy[of], err
}
