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
// count that is lost or added twice does no harm. A count that another program has overwritten
// begins again.
func (ws *WaitingStore) Inflow(ctx context.Context, more map[string]int64) (map[string]int64, error) {
	sums := make(map[string]*redis.IntCmd, len(more))
	if err := ws.pipe(ctx, func(p redis.Pipeliner) {
		for tenant, n := range more {
			key := ws.key(keyInflow, tenant)
			sums[tenant] = p.IncrBy(ctx, key, n)
			p.ExpireNX(ctx, key, inflowWindow) // after IncrBy, because EXPIRE needs an existing key
		}
	}); err != nil {
		return nil, fmt.Errorf("count inflow: %w", err)
	}
	out, spoilt := make(map[string]int64, len(more)), []string(nil)
	for tenant, sum := range sums {
		if out[tenant] = sum.Val(); wrongType(sum.Err()) {
			out[tenant], spoilt = more[tenant], append(spoilt, ws.key(keyInflow, tenant))
		}
	}
	if len(spoilt) == 0 {
		return out, nil
	}
	return out, ws.rdb.Unlink(ctx, spoilt...).Err()
}
