package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Unserved counts, by tenant, the invoices that wait for a tenant which is not served: those in its
// waiting sets, in its packages on their way, and the queued ones that wait for a turn of their
// own. It is bounded: of each list it looks at limit entries, those that moved longest ago, and
// what nobody serves does not move. more reports that a list was longer, so there may be more than
// were counted. It takes four round trips; an entry that cannot be read is left out.
func (l *Ledger) Unserved(ctx context.Context, served func(tenant string) bool, limit int) (counts map[string]int64, more bool, err error) {
	counts = map[string]int64{}
	waits, err := l.Waits(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, set := range waits {
		if !served(set.Group.Tenant) {
			counts[set.Group.Tenant] += int64(set.Count)
		}
	}
	lists := []string{l.key(keyState, string(Queued))}
	for _, s := range []PackageState{PackageCut, PackageOpened, PackageUploaded, PackageClosing, PackageProcessing, PackageSettled} {
		lists = append(lists, l.key(keyPackageState, string(s)))
	}
	oldest := make([]*redis.StringSliceCmd, len(lists))
	if err := l.pipe(ctx, func(p redis.Pipeliner) {
		for i, key := range lists {
			oldest[i] = p.ZRange(ctx, key, 0, int64(limit)-1)
		}
	}); err != nil {
		return nil, false, fmt.Errorf("list what waits: %w", err)
	}
	type entry struct {
		tenant *redis.SliceCmd // or the facts of an invoice, which name it
		of     *redis.IntCmd   // how many invoices a package has; nil for an invoice
	}
	var entries []entry
	if err := l.pipe(ctx, func(p redis.Pipeliner) {
		for i, list := range oldest {
			more = more || len(list.Val()) == limit
			for _, id := range list.Val() {
				if i == 0 {
					entries = append(entries, entry{tenant: p.HMGet(ctx, l.key(keyInvoice, id), "facts", "group")})
				} else {
					entries = append(entries, entry{p.HMGet(ctx, l.key(keyPackage, id), "tenant"), p.ZCard(ctx, l.key(keyMembers, id))})
				}
			}
		}
	}); err != nil {
		return nil, false, fmt.Errorf("read what waits: %w", err)
	}
	for _, e := range entries {
		v := e.tenant.Val()
		tenant := text(cell(v, 0))
		if e.of == nil {
			tenant = tenantOf(tenant)
		}
		switch {
		case tenant == "" || served(tenant):
		case e.of != nil:
			counts[tenant] += e.of.Val()
		case text(cell(v, 1)) == "": // else it was counted with its waiting set
			counts[tenant]++
		}
	}
	for tenant, n := range counts {
		if n == 0 {
			delete(counts, tenant)
		}
	}
	return counts, more && len(counts) > 0, nil
}

func tenantOf(facts string) string {
	var f struct {
		Tenant string `json:"tenant"`
	}
	_ = json.Unmarshal([]byte(facts), &f) // what cannot be read is told by whoever has to act on it
	return f.Tenant
}
