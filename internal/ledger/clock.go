package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Clock is the time that the ledger writes: Redis's own. Whatever is compared with times in it has
// to be reckoned from here.
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

// clockLook is a look at the clock as one of several commands.
type clockLook struct {
	l    *Ledger
	time *redis.TimeCmd
}

func (l *Ledger) clockCmd() *clockLook { return &clockLook{l: l} }

func (c *clockLook) ask(ctx context.Context, p redis.Pipeliner) {
	if c.l.now == nil {
		c.time = p.Time(ctx)
	}
}

func (c *clockLook) now() time.Time {
	if c.time == nil {
		return c.l.now()
	}
	return c.time.Val()
}
