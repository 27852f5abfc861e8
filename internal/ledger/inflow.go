package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// inflowWindow is how long a tenant's count goes on before it begins anew.
const inflowWindow = time.Minute

// Inflow adds to what tenants have handed in within the present minute, and returns the sums. It is a measure of who floods, not a record: a count that is lost or added
// twice does no harm.
func (l *Ledger) Inflow(ctx context.Context, more map[string]int64) (map[string]int64, error) {
	sums := make(map[string]*redis.IntCmd, len(more))
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for tenant, n := range more {
			key := l.key(keyInflow, tenant)
			sums[tenant] = p.IncrBy(ctx, key, n)
			p.ExpireNX(ctx, key, inflowWindow) // after it: a key that ended in between would never end again
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count what comes in: %w", err)
	}
	out := make(map[string]int64, len(more))
	for tenant, sum := range sums {
		out[tenant] = sum.Val()
	}
	return out, nil
}
