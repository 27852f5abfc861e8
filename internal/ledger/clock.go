package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Clock returns the time that the ledger writes: Redis's own. A time that is compared with times in
// the ledger must be computed from it.
func (l *Ledger) Clock(ctx context.Context) (time.Time, error) {
	if l.now != nil {
		return l.now(), nil
	}
	t, err := l.rdb.Time(ctx).Result()
	if err != nil {
		return time.Time{}, fmt.Errorf("ask redis for the time: %w", err)
	}
	return t, nil
}

// clockCmd reads the clock as one of several commands in a pipeline.
type clockCmd struct {
	l    *Ledger
	time *redis.TimeCmd
}

func (l *Ledger) clockCmd() *clockCmd { return &clockCmd{l: l} }

func (c *clockCmd) ask(ctx context.Context, p redis.Pipeliner) {
	if c.l.now == nil {
		c.time = p.Time(ctx)
	}
}

func (c *clockCmd) now() time.Time {
	if c.time == nil {
		return c.l.now()
	}
	return c.time.Val()
}
