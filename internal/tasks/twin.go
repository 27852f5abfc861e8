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

// twinAfter is when a twin runs at the earliest: servers say every five seconds what they work on, so a task that has just begun looks like an orphan until then.
const twinAfter = 6 * time.Second

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
