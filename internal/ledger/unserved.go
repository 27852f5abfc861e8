package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Unserved counts the invoices of those tenants for which the function served returns false, by
// tenant. It counts invoices in waiting sets, invoices in unfinished packages, and queued invoices
// without a waiting set. It reads up to limit entries of each list, and begins with the entries
// that moved longest ago, because an unserved invoice stays where it is. more says that some
// invoices were counted and that a list may have more entries than were read. Unserved makes the
// round trips of [WaitingStore.Waits] and two more. It leaves out an entry that cannot be read.
func (ws *WaitingStore) Unserved(
	ctx context.Context, served func(tenant string) bool, limit int,
) (counts map[string]int64, more bool, err error) {
	counts = map[string]int64{}
	waits, err := ws.Waits(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, set := range waits {
		if !served(set.Group.Tenant) {
			counts[set.Group.Tenant] += int64(set.Count)
		}
	}
	lists := []string{ws.key(keyState, string(Queued))}
	for _, s := range []PackageState{PackageCut, PackageOpened, PackageUploaded, PackageClosing, PackageProcessing, PackageSettled} {
		lists = append(lists, ws.key(keyPackageState, string(s)))
	}
	oldest := make([]*redis.StringSliceCmd, len(lists))
	if err := ws.pipe(ctx, func(p redis.Pipeliner) {
		for i, key := range lists {
			oldest[i] = p.ZRange(ctx, key, 0, int64(limit)-1)
		}
	}); err != nil {
		return nil, false, fmt.Errorf("list what waits: %w", err)
	}
	type entry struct {
		tenant *redis.SliceCmd // of a package: its tenant; of an invoice: facts and own shape, one of which has the tenant
		of     *redis.IntCmd   // how many invoices a package has; nil for an invoice
	}
	var entries []entry
	if err := ws.pipe(ctx, func(p redis.Pipeliner) {
		for i, list := range oldest {
			more = more || len(list.Val()) == limit
			for _, id := range list.Val() {
				if i == 0 {
					entries = append(entries, entry{tenant: p.HMGet(ctx, ws.key(keyInvoice, id), "facts", "group", shapeField)})
				} else {
					tenant, of := p.HMGet(ctx, ws.key(keyPackage, id), "tenant"), p.ZCard(ctx, ws.key(keyMembers, id))
					entries = append(entries, entry{tenant, of})
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
			tenant = tenantOf(tenant, text(cell(v, 2)))
		}
		switch {
		case tenant == "" || served(tenant):
		case e.of != nil:
			counts[tenant] += e.of.Val()
		case text(cell(v, 1)) == "": // otherwise it was counted with its waiting set
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

// tenantOf returns the tenant in the facts of an entry, or in its own shape if it is packed.
func tenantOf(facts, own string) string {
	if facts == finalFacts {
		s, _ := fromBrief(own) // if the shape cannot be read, the process that acts on the entry reports it
		return s.Tenant
	}
	var f struct {
		Tenant string `json:"tenant"`
	}
	_ = json.Unmarshal([]byte(facts), &f) // the process that acts on the entry also reports facts that cannot be read
	return f.Tenant
}
