package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Clock returns the present time of Redis's own clock, which is the time that the ledger writes. A
// time that is compared with times in the ledger must be computed from this time.
func (st *store) Clock(ctx context.Context) (time.Time, error) {
	if st.now != nil {
		return st.now(), nil
	}
	t, err := st.rdb.Time(ctx).Result()
	if err != nil {
		return time.Time{}, fmt.Errorf("ask redis for the time: %w", err)
	}
	return t, nil
}

// clockCmd reads the clock as one of several commands in a pipeline.
type clockCmd struct {
	l    *store
	time *redis.TimeCmd
}

func (st *store) clockCmd() *clockCmd { return &clockCmd{l: st} }

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
