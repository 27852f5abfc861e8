package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// TakenStore ends refusals of documents that were taken in after they were refused.
type TakenStore struct {
	*store
	refusals *RefusalStore
}

// EndTaken ends open refusals of documents that were taken in after they were refused, and returns
// how many it ended. Intake ends them too, but it may have failed to: a list may have been sick, or
// the process may have died. EndTaken knows a document by its identity only. It reads up to limit
// open refusals of each tenant, and the next call goes on with those behind them. It passes over
// lists that are sick, and remembers them, so that the sweep reports them.
func (tk *TakenStore) EndTaken(ctx context.Context, limit int) (int, error) {
	if err := tk.listRefusers(ctx); err != nil {
		return 0, err
	}
	open, err := tk.refusals.CountRefusals(ctx)
	sick, err := Skip(err)
	if err != nil {
		return 0, err
	}
	if err := (&UnreadableStore{store: tk.store}).seeSickNames(ctx, namesOf(sick)); err != nil {
		return 0, err
	}
	n := 0
	for _, tenant := range slices.Sorted(maps.Keys(open)) {
		ended, err := tk.endTaken(ctx, tenant, limit)
		n += ended
		if err := tk.refusals.wellOnly(ctx, tenant, err); err != nil {
			return n, fmt.Errorf("end refusals: %w", err)
		}
	}
	return n, nil
}

func (tk *TakenStore) endTaken(ctx context.Context, tenant string, limit int) (int, error) {
	ids, err := tk.next(ctx, keyOpenRefusals+tenant, time.Time{}, limit)
	if err != nil {
		return 0, err
	}
	n := 0
	for chunk := range slices.Chunk(ids, refusalBatch) {
		refusals, err := tk.refusals.readRefusals(ctx, tenant, chunk)
		if err != nil {
			return n, err
		}
		ends, err := tk.taken(ctx, refusals)
		if err != nil {
			return n, err
		}
		if len(ends) == 0 {
			continue
		}
		ended, err := tk.refusals.endRefusals(ctx, tenant, ends)
		if n += ended; err != nil {
			return n, err
		}
	}
	return n, nil
}

// taken returns the ends of those refusals whose document was taken in later.
func (tk *TakenStore) taken(ctx context.Context, refusals []Refusal) ([]RefusalEnd, error) {
	refusals = slices.DeleteFunc(refusals, func(r Refusal) bool { return !r.identified() })
	digests := make([]string, len(refusals))
	for i := range refusals {
		digests[i] = refusals[i].identity().digest()
	}
	newest, err := tk.readIdentities(ctx, digests)
	if err != nil {
		return nil, fmt.Errorf("read identities: %w", err)
	}
	var ids []string
	for i := range refusals {
		if id := newest.id(i); id != "" {
			ids = append(ids, id)
		}
	}
	invs, err := (&EntryReader{tk.store}).Invoices(ctx, ids)
	if _, err = Skip(err); err != nil {
		return nil, err
	}
	byID := map[string]*Invoice{}
	for i := range invs {
		byID[invs[i].ID] = &invs[i]
	}
	var ends []RefusalEnd
	for i := range refusals {
		r, inv := &refusals[i], byID[newest.id(i)]
		if inv != nil && inv.CreatedAt > r.At && (r.Tenant == "" || r.Tenant == inv.Tenant) {
			ends = append(ends, RefusalEnd{ID: r.ID, Tenant: r.Tenant, Ended: RefusalSuperseded, Note: "by " + inv.ID})
		}
	}
	return ends, nil
}

func (r *Refusal) identity() Identity { return Identity{NIP: r.NIP, Kind: r.Kind, Number: r.Number} }

// identified reports whether the id of the refusal was made of the identity of its document. The
// refusal of a document of no tenant that a client handed in is not identified in this sense. Only
// that client may end it, and an entry does not say who handed its document in.
func (r *Refusal) identified() bool {
	return r.ID == RefusalOfInvoice(r.identity()) || r.Tenant != "" && r.ID == RefusalIn(r.Tenant, r.identity())
}

// listRefusers adds tenants to the set of those that have refusals. A tenant is missing there if it
// was refused a document for the first time while the set was sick, or if a person had to delete
// the set.
func (tk *TakenStore) listRefusers(ctx context.Context) error {
	listed, sick, err := tk.refusals.refusers(ctx)
	if err != nil || len(sick) > 0 {
		return err
	}
	all, err := tk.rdb.HKeys(ctx, tk.key(keyTaxpayers)).Result()
	if err != nil && !wrongType(err) {
		return fmt.Errorf("list tenants: %w", err)
	}
	all = slices.DeleteFunc(append(all, ""), func(t string) bool { return slices.Contains(listed, t) })
	there := make([]*redis.IntCmd, len(all))
	if err := tk.pipe(ctx, func(p redis.Pipeliner) {
		for i, t := range all {
			there[i] = p.HLen(ctx, tk.key(keyRefused, t))
		}
	}); err != nil {
		return fmt.Errorf("list refusals: %w", err)
	}
	var missing []any
	for i, t := range all {
		if there[i].Val() > 0 {
			missing = append(missing, t)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := tk.rdb.SAdd(ctx, tk.key(keyRefusers), missing...).Err(); err != nil && !wrongType(err) {
		return fmt.Errorf("list refusals: %w", err)
	}
	return nil
}
