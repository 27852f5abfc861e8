package ledger

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// An invoice that ends without a receipt (rejected, parked, dismissed) is owed a result document in the
// archive from the step that ends it, so that a crash between the two loses none. Usually its
// package brings the result with its own; of one that no package holds the sweep does.

// ResultsKept says that the archive has, durably, the results of these invoices as they are given.
// Those that are owed nothing are no error.
func (l *Ledger) ResultsKept(ctx context.Context, invs []Invoice) error {
	for len(invs) > 0 {
		n := min(len(invs), moveBatch)
		args := l.args()
		for i := range invs[:n] {
			args = append(args, invs[i].ID, invs[i].Rev)
		}
		if _, err := l.run(ctx, keptScript, args); err != nil {
			return fmt.Errorf("strike off results: %w", err)
		}
		invs = invs[n:]
	}
	return nil
}

// PendingResults lists up to limit ids of invoices whose result has been owed since before, oldest
// first, leaving out the first skip of them.
func (l *Ledger) PendingResults(ctx context.Context, before time.Time, skip, limit int) ([]string, error) {
	by := &redis.ZRangeBy{Min: "-inf", Max: strconv.FormatInt(before.UnixMilli(), 10), Offset: int64(skip), Count: int64(limit)}
	ids, err := l.rdb.ZRangeByScore(ctx, l.key(keyPending), by).Result()
	if err != nil {
		return nil, fmt.Errorf("list results that are owed: %w", err)
	}
	return ids, nil
}
