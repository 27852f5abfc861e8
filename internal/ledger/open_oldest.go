package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// OldestOpen returns, for each state, since when the oldest open document waits for a person. The
// states are those by which [DecisionStore.OpenItems] counts. A state in which no document waits is
// left out. Sick lists are skipped.
func (ds *DecisionStore) OldestOpen(ctx context.Context) (map[string]time.Time, error) {
	tenants, _, err := ds.refusals.refusers(ctx)
	if err != nil {
		return nil, err
	}
	first := map[string][]*redis.ZSliceCmd{}
	err = ds.entries.pipe(ctx, func(p redis.Pipeliner) {
		for _, s := range States() {
			if s.Open() {
				first[string(s)] = []*redis.ZSliceCmd{p.ZRangeByScoreWithScores(ctx, ds.entries.key(keyState, string(s)), firstTimes())}
			}
		}
		for _, t := range tenants {
			first["refused"] = append(first["refused"], p.ZRangeByScoreWithScores(ctx, ds.refusals.key(keyOpenRefusals, t), firstTimes()))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read the oldest open items: %w", err)
	}
	oldest := map[string]time.Time{}
	for state, cmds := range first {
		for _, cmd := range cmds {
			at := score(cmd)
			if !at.IsZero() && (oldest[state].IsZero() || at.Before(oldest[state])) {
				oldest[state] = at
			}
		}
	}
	return oldest, nil
}
