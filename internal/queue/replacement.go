package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// A task whose worker was killed is an orphan. It stays active until asynq gives it back, about a
// minute and a half later. The sweep queues a replacement of it. The replacement does the task's
// work meanwhile, and ends when asynq has given the task back. If both the task and its replacement
// went on, KSeF would be asked everything twice.

// replacementSuffix is the end of the id of a replacement. What comes before it is the id of the
// orphan.
const replacementSuffix = ":twin"

const (
	// maxReportAge is the greatest age of a server's report about its tasks. Servers report every
	// five seconds.
	maxReportAge = 6 * time.Second
	// lease is how long asynq lends a task to a server, counted from the beginning of the task and
	// from each report of the server.
	lease = 30 * time.Second
)

// replacementIn returns how long a replacement has to wait from now. A task that has just begun
// looks like an orphan until its server reports it. So the replacement begins maxReportAge and a
// second after the lease of the task was last given. Leases use the servers' own clocks. A wrong
// clock costs at most a few seconds, because no replacement waits longer than maxReportAge. If a
// later asynq keeps leases elsewhere, every replacement waits for maxReportAge.
func replacementIn(ctx context.Context, rdb redis.UniversalClient, queue, id string) time.Duration {
	score, err := rdb.ZScore(ctx, "asynq:{"+queue+"}:lease", id).Result()
	if err != nil {
		return maxReportAge
	}
	given := time.Unix(int64(score), 0).Add(-lease)
	return min(max(time.Until(given.Add(maxReportAge+time.Second)), 0), maxReportAge)
}

// idle reports whether the running task is a replacement with nothing to do. A replacement has
// nothing to do when the original task waits for its own time, is being worked on after all, or has
// ended.
func (q *Queue) idle(ctx context.Context) (bool, error) {
	id, _ := asynq.GetTaskID(ctx)
	of, replacement := strings.CutSuffix(id, replacementSuffix)
	if !replacement {
		return false, nil
	}
	queue, _ := asynq.GetQueueName(ctx)
	info, err := q.inspect.GetTaskInfo(queue, of)
	if errors.Is(err, asynq.ErrTaskNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read task %s: %w", of, err)
	}
	if info.State != asynq.TaskStateActive {
		return true, nil
	}
	busy, err := q.Busy()
	return busy[of], err
}
