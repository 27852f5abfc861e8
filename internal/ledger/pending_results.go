package ledger

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// An invoice may end without a receipt: rejected, parked, dismissed or superseded. The step that
// ends it marks its result as pending, so that no result is lost by a crash before it is in the
// archive. Usually the receipt task of the package archives the result; otherwise the sweep does.

// ResultsKept records that the archive durably has the results of these invoices, at the revisions
// that are given. It ignores an invoice without a pending result, and an invoice that has changed
// since the given revision.
func (bs *BodyStore) ResultsKept(ctx context.Context, invs []Invoice) error {
	for len(invs) > 0 {
		n := min(len(invs), moveBatch)
		args := bs.args()
		for i := range invs[:n] {
			args = append(args, invs[i].ID, invs[i].Rev)
		}
		if _, err := bs.run(ctx, keptScript, args); err != nil {
			return fmt.Errorf("record archived results: %w", err)
		}
		invs = invs[n:]
	}
	return nil
}

// PendingResults lists up to limit ids of invoices whose result has been pending since the given
// time or longer, oldest first. It leaves out the oldest skip of them.
func (bs *BodyStore) PendingResults(ctx context.Context, before time.Time, skip, limit int) ([]string, error) {
	until := strconv.FormatInt(before.UnixMilli(), 10)
	by := &redis.ZRangeBy{Min: "-inf", Max: until, Offset: int64(skip), Count: int64(limit)}
	ids, err := bs.rdb.ZRangeByScore(ctx, bs.key(keyPending), by).Result()
	if err != nil {
		return nil, fmt.Errorf("list pending results: %w", err)
	}
	return ids, nil
}
