package tasks

import (
	"context"
	"fmt"
	"strings"
)

// dropPage is about how many keys a step of [Queue.Drop] looks at.
const dropPage = 1000

// Drop takes the pool's queues away, with every task in them, in steps that hold nobody up. Queues
// of other programs that use asynq in the same database are left alone. No worker may be alive; a
// drop that was cut off can be done again.
func (q *Queue) Drop(ctx context.Context) error {
	ours := Queues()
	for cursor := uint64(0); ; {
		keys, next, err := q.rdb.Scan(ctx, cursor, asynqPrefix+"{*", dropPage).Result()
		if err != nil {
			return fmt.Errorf("list the queues' keys: %w", err)
		}
		var drop []string
		for _, key := range keys {
			_, rest, _ := strings.Cut(key, asynqPrefix+"{")
			name, _, _ := strings.Cut(rest, "}")
			if _, own := ours[name]; own {
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
	for name := range ours {
		if err := q.rdb.SRem(ctx, asynqPrefix+"queues", name).Err(); err != nil {
			return fmt.Errorf("forget queue %s: %w", name, err)
		}
	}
	return nil
}
