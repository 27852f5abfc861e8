package ledger

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Due lists up to limit ids of undecided invoices whose legal deadline is t or earlier, nearest
// first.
func (er *EntryReader) Due(ctx context.Context, t time.Time, limit int) ([]string, error) {
	return er.byTime(ctx, keyDue, time.Time{}, t, limit)
}

// AtRisk returns how many undecided invoices have their legal deadline at t or earlier, and the
// nearest deadline of all (zero if no invoice is undecided).
func (er *EntryReader) AtRisk(ctx context.Context, t time.Time) (n int64, next time.Time, err error) {
	var count *redis.IntCmd
	var first *redis.ZSliceCmd
	_, err = er.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		count = p.ZCount(ctx, er.key(keyDue), "-inf", strconv.FormatInt(t.UnixMilli(), 10))
		first = p.ZRangeByScoreWithScores(ctx, er.key(keyDue), firstTimes())
		return nil
	})
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("read deadlines: %w", err)
	}
	return count.Val(), score(first), nil
}
