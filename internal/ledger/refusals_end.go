package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
)

// EndRefusals ends refusals that are open, and returns how many it ended. It ignores an id without
// a refusal, and a tenant whose lists are sick. The refusals of such a tenant stay open until its
// lists are well and EndTaken finds the refusals. Intake does not know which documents were refused
// before, so it names every refusal that there could be. With an [*UnreadableError], the refusal of
// an invoice may be in a list that EndRefusals could not search.
func (rs *RefusalStore) EndRefusals(ctx context.Context, ends []RefusalEnd) (int, error) {
	// Intake calls this for every call that takes documents in, and nearly always only this is
	// read.
	lists, err := rs.lists.Do(ctx, []struct{}{{}}, func(ctx context.Context, readers []struct{}) ([]refusers, error) {
		tenants, sick, err := rs.refusers(ctx)
		return slices.Repeat([]refusers{{tenants, sick}}, len(readers)), err
	})
	if err != nil {
		return 0, err
	}
	tenants, sick := slices.Clone(lists[0].tenants), lists[0].sick
	searched := true // every list that may have one of the refusals
	for _, e := range ends {
		if len(sick) > 0 && !slices.Contains(tenants, e.Tenant) {
			tenants = append(tenants, e.Tenant)
		}
		searched = searched && (len(sick) == 0 || !e.ByInvoice)
	}
	byTenant := map[string][]RefusalEnd{}
	for _, e := range ends {
		for _, t := range tenants {
			if e.ByInvoice || t == e.Tenant || t == "" {
				byTenant[t] = append(byTenant[t], e)
			}
		}
	}
	if err := rs.dropEnded(ctx, byTenant); err != nil {
		return 0, fmt.Errorf("end refusals: %w", err)
	}
	n := 0
	for tenant, all := range byTenant {
		for batch := range slices.Chunk(all, refusalBatch) {
			ended, err := rs.endRefusals(ctx, tenant, batch)
			err = rs.wellOnly(ctx, tenant, err)
			if n += ended; err != nil {
				return n, fmt.Errorf("end refusals: %w", err)
			}
		}
	}
	if !searched {
		return n, fmt.Errorf("end refusals: %w", some(sick))
	}
	return n, nil
}

// dropEnded removes from byTenant the tenants that have none of the given refusals open. It asks
// about all tenants in one round trip. A pool has hundreds of tenants, and only a few documents end
// a refusal, so asking each tenant in turn would be slow.
func (rs *RefusalStore) dropEnded(ctx context.Context, byTenant map[string][]RefusalEnd) error {
	scores := map[string]*redis.FloatSliceCmd{}
	if err := rs.pipe(ctx, func(p redis.Pipeliner) {
		for tenant, all := range byTenant {
			ids := make([]string, len(all))
			for i := range all {
				ids[i] = all[i].ID
			}
			scores[tenant] = p.ZMScore(ctx, rs.key(keyOpenRefusals, tenant), ids...)
		}
	}); err != nil {
		return err
	}
	for tenant, cmd := range scores {
		if cmd.Err() == nil && !slices.ContainsFunc(cmd.Val(), func(at float64) bool { return at > 0 }) {
			delete(byTenant, tenant)
		}
	}
	return nil
}

func (rs *RefusalStore) endRefusals(ctx context.Context, tenant string, batch []RefusalEnd) (int, error) {
	ids := make([]string, len(batch))
	for i, e := range batch {
		ids[i] = e.ID
	}
	// A missing member has score 0, which no refusal can have because its score is a time.
	scores, err := rs.rdb.ZMScore(ctx, rs.key(keyOpenRefusals, tenant), ids...).Result()
	if err != nil {
		return 0, err
	}
	byID := map[string]RefusalEnd{}
	var open []string
	for i, e := range batch {
		if _, twice := byID[e.ID]; scores[i] > 0 && !twice {
			byID[e.ID] = e
			open = append(open, e.ID)
		}
	}
	if len(open) == 0 {
		return 0, nil
	}
	refusals, err := rs.readRefusals(ctx, tenant, open)
	if err != nil {
		return 0, err
	}
	now, err := rs.Clock(ctx)
	if err != nil {
		return 0, err
	}
	var fields []any
	for i := range refusals {
		r := &refusals[i]
		r.Ended, r.Note, r.EndedAt = byID[r.ID].Ended, byID[r.ID].Note, At(now)
		packed, err := rs.packRefusal(r)
		if err != nil {
			return 0, err
		}
		fields = append(fields, r.ID, packed)
	}
	members := anys(open)
	// It matters most that the refusal leaves the list of open refusals. If Redis is full, the
	// record of how the refusal ended may not be written.
	var unseen *redis.IntCmd
	cmds, err := rs.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.ZRem(ctx, rs.key(keyOpenRefusals, tenant), members...)
		// The outcome comes first. If Redis becomes full in between, the record keeps its revision,
		// and the outcomes before this one are still told.
		tellRefusals(ctx, rs.store, p, tenant, refusals)
		if len(fields) > 0 {
			p.HSet(ctx, rs.key(keyRefused, tenant), fields...)
		}
		unseen = unsee(ctx, p, rs.key(keySeen), tenant, open)
		return nil
	})
	err = seenApart(cmds, unseen, err)
	if err != nil && (cmds[0].Err() != nil || !IsFull(err)) {
		return 0, err
	}
	return len(open), nil
}

// DismissRefusal ends a refusal because a person decided so. It returns [ErrNotFound] if the
// refusal is not open.
func (rs *RefusalStore) DismissRefusal(ctx context.Context, id string, d Dismissal) error {
	now, err := rs.Clock(ctx)
	if err != nil {
		return err
	}
	tenants, unlisted, err := rs.refusers(ctx)
	if err != nil {
		return err
	}
	var sick error
	for _, t := range tenants {
		n, err := rs.endRefusals(ctx, t, []RefusalEnd{{ID: id, Ended: RefusalDismissed, Note: d.note(now, "")}})
		well := rs.wellOnly(ctx, t, err)
		if well != nil {
			return fmt.Errorf("dismiss %s: %w", id, well)
		}
		if n > 0 {
			return nil
		}
		sick = cmp.Or(sick, err)
	}
	if sick = cmp.Or(sick, some(unlisted)); sick != nil { // the refusal may be in a list that cannot be read
		return fmt.Errorf("dismiss %s: %w", id, sick)
	}
	return fmt.Errorf("dismiss %s: %w", id, ErrNotFound)
}
