package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// inflowWindow is how long a tenant's count runs before it starts again.
const inflowWindow = time.Minute

// Inflow adds to the number of invoices that tenants handed in within the present minute, and
// returns the sums. It measures which tenant floods the pool. The sums may be inexact, because a
// count that is lost or added twice does no harm.
func (ws *WaitingStore) Inflow(ctx context.Context, more map[string]int64) (map[string]int64, error) {
	sums := make(map[string]*redis.IntCmd, len(more))
	_, err := ws.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for tenant, n := range more {
			key := ws.key(keyInflow, tenant)
			sums[tenant] = p.IncrBy(ctx, key, n)
			p.ExpireNX(ctx, key, inflowWindow) // after IncrBy, because EXPIRE needs an existing key
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count inflow: %w", err)
	}
	out := make(map[string]int64, len(more))
	for tenant, sum := range sums {
		out[tenant] = sum.Val()
	}
	return out, nil
}
