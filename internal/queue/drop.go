package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// dropPage is the approximate number of keys that one step of [Queue.Drop] or of [Repairer.Repair]
// scans.
const dropPage = 1000

// Drop removes the pool's queues and every task in them, in small steps that do not block Redis for
// others. It leaves alone the queues of other programs that use asynq in the same database. Stop
// all workers first. An interrupted Drop can be repeated.
func (q *Queue) Drop(ctx context.Context) error {
	ours := Own()
	for cursor := uint64(0); ; {
		keys, next, err := q.rdb.Scan(ctx, cursor, asynqPrefix+"{*", dropPage).Result()
		if err != nil {
			return fmt.Errorf("list the queues' keys: %w", err)
		}
		var drop []string
		for _, key := range keys {
			_, rest, _ := strings.Cut(key, asynqPrefix+"{")
			name, _, _ := strings.Cut(rest, "}")
			if slices.Contains(ours, name) {
				drop = append(drop, key)
			}
		}
		if len(drop) > 0 {
			if err := q.rdb.Unlink(ctx, drop...).Err(); err != nil {
				return fmt.Errorf("drop the queues' keys: %w", err)
			}
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	for _, name := range ours {
		if err := q.rdb.SRem(ctx, asynqPrefix+"queues", name).Err(); err != nil {
			return fmt.Errorf("forget queue %s: %w", name, err)
		}
	}
	return nil
}
