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
	counts := make([]tenantCount, 0, len(more))
	for tenant, n := range more {
		counts = append(counts, tenantCount{tenant, n})
	}
	sums, err := ws.inflow.Do(ctx, counts, ws.addInflow)
	if err != nil {
		return nil, fmt.Errorf("count inflow: %w", err)
	}
	out := make(map[string]int64, len(more))
	for i, c := range counts {
		out[c.tenant] = sums[i]
	}
	return out, nil
}

type tenantCount struct {
	tenant string
	n      int64
}

// addInflow adds counts, and returns the sum of the tenant of each count. A tenant may have more
// than one count.
func (ws *WaitingStore) addInflow(ctx context.Context, counts []tenantCount) ([]int64, error) {
	more := make(map[string]int64, len(counts))
	for _, c := range counts {
		more[c.tenant] += c.n
	}
	sums := make(map[string]*redis.IntCmd, len(more))
	if err := ws.pipe(ctx, func(p redis.Pipeliner) {
		for tenant, n := range more {
			key := ws.key(keyInflow, tenant)
			sums[tenant] = p.IncrBy(ctx, key, n)
			p.ExpireNX(ctx, key, inflowWindow) // after IncrBy, because EXPIRE needs an existing key
		}
	}); err != nil {
		return nil, err
	}
	var spoilt []string
	for tenant, sum := range sums {
		if wrongType(sum.Err()) {
			sum.SetVal(more[tenant])
			spoilt = append(spoilt, ws.key(keyInflow, tenant))
		}
	}
	out := make([]int64, len(counts))
	for i, c := range counts {
		out[i] = sums[c.tenant].Val()
	}
	if len(spoilt) == 0 {
		return out, nil
	}
	return out, ws.rdb.Unlink(ctx, spoilt...).Err()
}
