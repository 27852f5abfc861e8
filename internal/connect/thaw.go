package connect

import (
	"context"
	"slices"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

// Thaw ends the freezes that 429s have caused for a tenant, and returns the groups of operations
// that were frozen. Tasks that wait for one of these groups come back within an hour.
func (p *Pool) Thaw(ctx context.Context, tenant string) (groups []string, err error) {
	limits := ratelimit.NewRedis(p.Redis, p.Config.Redis.Prefix)
	for _, g := range ksef.Groups() {
		group := string(g.Counter())
		if slices.Contains(groups, group) {
			continue
		}
		was, err := limits.Thaw(ctx, ratelimit.Key{Tenant: tenant, Group: group})
		if err != nil {
			return groups, err
		}
		if was {
			groups = append(groups, group)
		}
	}
	return groups, nil
}
