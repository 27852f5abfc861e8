package inquiry

import (
	"cmp"
	"context"
	"slices"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// OpenItem is a refused, rejected or parked document that a person has to act on. It is neither
// superseded nor dismissed.
type OpenItem struct {
	Tenant string // "" when the seller is not a tenant
	Since  time.Time
	Result results.Result
	Remedy ledger.Remedy // of a refused document
	// Later is the newest document of the same number that was taken in after this one. Its State
	// is "" when there is no such document, and always when this one was refused.
	Later ledger.Newest
	Seen  ledger.Seen // who marked it as seen, and when; zero if nobody did since its last change
}

// OpenItems lists the open items by tenant; for each tenant the oldest comes first. It lists those
// of the named tenants, or of all tenants when none is named. What it cannot read it leaves out,
// and reports to r.Unread: then the list is not complete.
func (r *Reader) OpenItems(ctx context.Context, tenants ...string) ([]OpenItem, error) {
	var items []OpenItem
	for _, s := range ledger.States() {
		if !s.Open() {
			continue
		}
		err := r.InState(ctx, s, func(invs []ledger.Invoice) error {
			invs = ofTenants(invs, tenants)
			newest, err := r.Ledger.NewestOf(ctx, invs)
			if err != nil {
				return err
			}
			names := make([]ledger.OpenName, len(invs))
			for i := range invs {
				names[i] = invs[i].NameOfOpen()
			}
			seen, err := r.Ledger.SeenOf(ctx, names...)
			if err != nil {
				return err
			}
			for i, inv := range invs {
				later := newest[inv.ID]
				if later.State.InKSeF() {
					continue // the sweep will supersede it
				}
				items = append(items, OpenItem{Tenant: inv.Tenant, Since: inv.UpdatedAt.Time(), Later: later,
					Result: results.Of(inv, r.Environment), Seen: seen[i].Of(inv.UpdatedAt)})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	refusals, err := r.Refusals(ctx, time.Time{}, "", tenants...)
	if err != nil {
		return nil, err
	}
	for batch := range slices.Chunk(refusals, chunk) {
		names := make([]ledger.OpenName, len(batch))
		for i := range batch {
			names[i] = batch[i].NameOfOpen()
		}
		seen, err := r.Ledger.SeenOf(ctx, names...)
		if err != nil {
			return nil, err
		}
		for i := range batch {
			ref := &batch[i]
			items = append(items, OpenItem{Tenant: ref.Tenant, Since: ref.At.Time(), Result: results.OfRefusal(ref), Remedy: ref.Remedy,
				Seen: seen[i].Of(ref.At)})
		}
	}
	slices.SortStableFunc(items, func(a, b OpenItem) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), a.Since.Compare(b.Since))
	})
	return items, nil
}
