package queue

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// Size is how many tasks a queue holds.
type Size struct {
	Queue                                                               string
	Active, Pending, Scheduled, Retry, Archived, Completed, Aggregating int
	Paused                                                              bool
	Latency                                                             time.Duration // age of the oldest pending task; 0 without one
	Processed, Failed                                                   int64         // since the queue was made
}

// All returns how many tasks are in the queue, in all states.
func (s *Size) All() int {
	return s.Active + s.Pending + s.Scheduled + s.Retry + s.Archived + s.Completed + s.Aggregating
}

// Sizes reads how large the queues of a database are. asynq's inspector needs three round trips for
// each queue, and each time it asks for the memory of up to 120 tasks. Sizes reads all queues in
// two round trips, with some ten commands for each queue, and asks for the memory only in
// [Sizes.Memory]. Safe for concurrent use.
type Sizes struct {
	rdb     redis.UniversalClient
	inspect *asynq.Inspector
}

// NewSizes returns a reader of the sizes of the queues that q can see.
func NewSizes(q *Queue) Sizes { return Sizes{q.rdb, q.inspect} }

// Queues returns the names of all queues, those of other programs included.
func (s Sizes) Queues() ([]string, error) { return s.inspect.Queues() }

// Memory returns how many bytes the tasks of a queue take in Redis, estimated from a sample.
func (s Sizes) Memory(queue string) (int64, error) {
	info, err := s.inspect.GetQueueInfo(queue)
	if err != nil {
		return 0, err
	}
	return info.MemoryUsage, nil
}

// Read reads the size of each queue. A key of another type counts as empty.
func (s Sizes) Read(ctx context.Context, queues []string) ([]Size, error) {
	out, oldest, groups, err := readSizes(ctx, s.rdb, queues, true)
	if err != nil {
		return nil, err
	}
	since, held := make([]*redis.StringCmd, len(out)), make([][]*redis.IntCmd, len(out))
	now := time.Now() // asynq compares with its machine's clock too
	if err := readTogether(ctx, s.rdb, func(p redis.Pipeliner) {
		for i, name := range queues {
			if oldest[i] != "" {
				since[i] = p.HGet(ctx, keyOf(name, "t:")+oldest[i], "pending_since")
			}
			for _, g := range groups[i] {
				held[i] = append(held[i], p.ZCard(ctx, keyOf(name, "g:")+g))
			}
		}
	}); err != nil {
		return nil, err
	}
	for i := range out {
		if since[i] != nil {
			if at, err := strconv.ParseInt(since[i].Val(), 10, 64); err == nil && at > 0 {
				out[i].Latency = now.Sub(time.Unix(0, at))
			}
		}
		for _, n := range held[i] {
			out[i].Aggregating += int(n.Val())
		}
	}
	return out, nil
}

// readSizes reads the sizes of queues in one round trip. With whole it reads all but Latency and
// Aggregating, and also returns the oldest pending task and the groups of each queue. Without whole
// it reads only the tasks that run or are still to run, and whether the queue is paused.
func readSizes(ctx context.Context, rdb redis.UniversalClient, queues []string, whole bool) (
	out []Size, oldest []string, groups [][]string, err error,
) {
	type answers struct {
		active, pending, scheduled, retry, archived, completed, paused *redis.IntCmd
		totals                                                         *redis.SliceCmd
		last, groups                                                   *redis.StringSliceCmd
	}
	all := make([]answers, len(queues))
	if err := readTogether(ctx, rdb, func(p redis.Pipeliner) {
		for i, name := range queues {
			of := func(part string) string { return keyOf(name, part) }
			all[i] = answers{
				active: p.LLen(ctx, of("active")), pending: p.LLen(ctx, of("pending")),
				scheduled: p.ZCard(ctx, of("scheduled")), retry: p.ZCard(ctx, of("retry")), paused: p.Exists(ctx, of("paused")),
			}
			if whole {
				all[i].archived, all[i].completed = p.ZCard(ctx, of("archived")), p.ZCard(ctx, of("completed"))
				all[i].totals = p.MGet(ctx, of("processed"), of("failed"))
				all[i].last, all[i].groups = p.LRange(ctx, of("pending"), -1, -1), p.SMembers(ctx, of("groups"))
			}
		}
	}); err != nil {
		return nil, nil, nil, fmt.Errorf("read sizes of queues (%d): %w", len(queues), err)
	}
	oldest, groups = make([]string, len(queues)), make([][]string, len(queues))
	for i, name := range queues {
		a := all[i]
		s := Size{Queue: name, Active: int(a.active.Val()), Pending: int(a.pending.Val()), Scheduled: int(a.scheduled.Val()),
			Retry: int(a.retry.Val()), Paused: a.paused.Val() > 0}
		if whole {
			s.Archived, s.Completed = int(a.archived.Val()), int(a.completed.Val())
			s.Processed, s.Failed = totalAt(a.totals, 0), totalAt(a.totals, 1)
			groups[i] = a.groups.Val()
			for _, id := range a.last.Val() {
				oldest[i] = id
			}
		}
		out = append(out, s)
	}
	return out, oldest, groups, nil
}

// readTogether reads in one round trip. A key of another type is no error.
func readTogether(ctx context.Context, rdb redis.UniversalClient, ask func(redis.Pipeliner)) error {
	cmds, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error { ask(p); return nil })
	if err == nil {
		return nil
	}
	for _, c := range cmds {
		if err := c.Err(); err != nil && err != redis.Nil && !redis.HasErrorPrefix(err, "WRONGTYPE") {
			return err
		}
	}
	return nil
}

func totalAt(c *redis.SliceCmd, i int) int64 {
	if i >= len(c.Val()) {
		return 0
	}
	text, _ := c.Val()[i].(string)
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}
