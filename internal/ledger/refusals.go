package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/together"
)

// refusalBatch bounds one transaction.
const refusalBatch = 500

// RefusalStore keeps a record of refused documents, without their content.
type RefusalStore struct {
	*store
	lists together.Calls[struct{}, refusers]
}

// Refuse puts refusals on record. A refusal that is already there is written again and is open
// again. A refusal of the same invoice in another tenant's list is removed, because the document
// was handed in for the wrong tenant or the configuration has changed. If [IsFull] is true for the
// error, some of the refusals were not recorded, and nothing else has changed. With an
// [*UnreadableError], the refusals of the tenants whose lists it names were not recorded.
//
// Refuse sets Recorded and At of the refusals that it recorded, also when it returns an error. It
// sets Untold of those that are on record but not in the outbox.
//
// Refuse is not a script, unlike most operations of the ledger. Scripts write even at maxmemory, so
// that invoices that were taken in can finish. Refusals must not use up the memory that is left for
// those invoices.
func (rs *RefusalStore) Refuse(ctx context.Context, refusals []Refusal) error {
	now, err := rs.Clock(ctx)
	if err != nil {
		return err
	}
	of, at := map[sender][]Refusal{}, map[sender][][]int{} // each of refusals[at[s][i]...] is of[s][i]
	known := map[sender]map[string]int{}
	for i, r := range refusals {
		r.At, r.Ended, r.Note, r.EndedAt = At(now), "", "", 0
		refusals[i].Recorded = false
		s := senderOf(&r)
		if k, again := known[s][r.ID]; again { // both would be told with one id and one revision
			of[s][k], at[s][k] = r, append(at[s][k], i)
			continue
		}
		if known[s] == nil {
			known[s] = map[string]int{}
		}
		known[s][r.ID] = len(of[s])
		of[s], at[s] = append(of[s], r), append(at[s], []int{i})
	}
	var sick error
	for s, all := range of {
		for batch := range slices.Chunk(all, refusalBatch) {
			told, err := rs.refuse(ctx, s, batch)
			if _, err := Skip(err); err != nil {
				return fmt.Errorf("record refusals: %w", err)
			}
			if err != nil { // the lists of this tenant are sick; the refusals of the others are still recorded
				sick = fmt.Errorf("record refusals: %w", err)
				break
			}
			for i := range batch {
				for _, k := range at[s][i] {
					r := &refusals[k]
					r.Recorded, r.Untold, r.At = true, i >= told, At(now)
				}
			}
			at[s] = at[s][len(batch):]
			if err := rs.keepOnlyIn(ctx, s.tenant, batch); err != nil {
				if _, other := Skip(err); other != nil {
					return fmt.Errorf("record refusals: %w", err)
				}
				sick = fmt.Errorf("record refusals: %w", err)
			}
		}
	}
	return sick
}

// keepOnlyIn removes the refusals of invoices from the lists of all other tenants.
func (rs *RefusalStore) keepOnlyIn(ctx context.Context, tenant string, batch []Refusal) error {
	var ids []string
	for i := range batch {
		if batch[i].ByInvoice {
			ids = append(ids, batch[i].ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	others, sick, err := rs.refusers(ctx)
	if err != nil {
		return err
	}
	for _, other := range others {
		if other == tenant {
			continue
		}
		if err := rs.wellOnly(ctx, other, rs.forgetRefusals(ctx, other, ids)); err != nil {
			return err
		}
	}
	return some(sick)
}

// refuse records a batch of one sender. told is how many of them, counted from the first, are in
// the outbox, too.
func (rs *RefusalStore) refuse(ctx context.Context, s sender, batch []Refusal) (told int, err error) {
	fields := make([]any, 0, 2*len(batch))
	members := make([]redis.Z, 0, len(batch))
	for i := range batch {
		packed, err := rs.packRefusal(&batch[i])
		if err != nil {
			return 0, err
		}
		fields = append(fields, batch[i].ID, packed)
		members = append(members, redis.Z{Score: float64(batch[i].At), Member: batch[i].ID})
	}
	// A transaction that meets a sick key writes all the rest, and receivers would be told of
	// refusals that have no record.
	sick, err := sickLists(ctx, rs.store, s.tenant)
	if len(sick) > 0 {
		err = errors.Join(some(sick), rs.seeSickLists(ctx, s.tenant))
	}
	if err != nil {
		return 0, err
	}
	if told, err = rs.mayTell(ctx, s, len(batch)); err != nil {
		return 0, err
	}
	cmds, err := rs.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.SAdd(ctx, rs.key(keyRefusers), s.tenant)
		p.HSet(ctx, rs.key(keyRefused, s.tenant), fields...)
		p.ZAdd(ctx, rs.key(keyRefusals, s.tenant), members...)
		p.ZAdd(ctx, rs.key(keyOpenRefusals, s.tenant), members...)
		tellRefusals(ctx, rs.store, p, s.tenant, batch[:told])
		return nil
	})
	// If the set of tenants with refusals is sick, the refusals are recorded all the same, and
	// lists find them only when the set is well again.
	if err = notSick(cmds, err); err != nil {
		return 0, whyAborted(cmds, err)
	}
	return told, rs.dropOldest(ctx, s, members)
}

// whyAborted returns the error of the command that made Redis abort a transaction, because the
// transaction's own error lacks the cause.
func whyAborted(cmds []redis.Cmder, err error) error {
	if redis.HasErrorPrefix(err, "EXECABORT") {
		for _, cmd := range cmds {
			if cmd.Err() != nil {
				return cmd.Err()
			}
		}
	}
	return err
}

func (rs *RefusalStore) forgetRefusals(ctx context.Context, tenant string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	members := anys(ids)
	var unseen *redis.IntCmd
	cmds, err := rs.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.ZRem(ctx, rs.key(keyRefusals, tenant), members...)
		p.ZRem(ctx, rs.key(keyOpenRefusals, tenant), members...)
		p.HDel(ctx, rs.key(keyRefused, tenant), ids...)
		unseen = unsee(ctx, p, rs.key(keySeen), tenant, ids)
		return nil
	})
	return seenApart(cmds, unseen, err)
}

// refusers is what the method refusers returns.
type refusers struct {
	tenants []string
	sick    []Unreadable
}

// refusers lists the tenants that have refusals, or had. If the set of these tenants is sick, it
// describes the set in sick, and lists the tenants that have handed in anything.
func (rs *RefusalStore) refusers(ctx context.Context) (tenants []string, sick []Unreadable, err error) {
	tenants, err = rs.rdb.SMembers(ctx, rs.key(keyRefusers)).Result()
	if wrongType(err) {
		sick = []Unreadable{sickKey(keyRefusers)}
		tenants, err = rs.rdb.HKeys(ctx, rs.key(keyTaxpayers)).Result()
		if tenants = append(tenants, ""); wrongType(err) {
			err = nil
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list refusals: %w", err)
	}
	slices.Sort(tenants)
	return tenants, sick, nil
}

// OpenRefusals counts the refusals on which a person still has to act. With an [*UnreadableError]
// it returns how many there are in the lists that can be read.
func (rs *RefusalStore) OpenRefusals(ctx context.Context) (int64, error) {
	counts, err := rs.CountRefusals(ctx)
	n := int64(0)
	for _, of := range counts {
		n += of
	}
	return n, err
}

// Refusals reads the refusals whose Ended has the given value, oldest first; "" means the open
// ones. It leaves out those whose At is before the time from. It reads only the lists of the named
// tenants, or all lists when none is named. With an [*UnreadableError] it returns the refusals of
// the tenants whose index can be read.
func (rs *RefusalStore) Refusals(ctx context.Context, from time.Time, ended string, tenants ...string) ([]Refusal, error) {
	var sick []Unreadable
	if len(tenants) == 0 {
		var err error
		if tenants, sick, err = rs.refusers(ctx); err != nil {
			return nil, err
		}
	}
	var out []Refusal
	for _, t := range tenants {
		key := keyRefusals + t
		if ended == "" {
			key = keyOpenRefusals + t
		}
		ids, err := rs.byTime(ctx, key, from, time.Time{}, 0)
		unread, err := Skip(err)
		sick = append(sick, unread...)
		if err != nil {
			return nil, fmt.Errorf("list refusals: %w", err)
		}
		for chunk := range slices.Chunk(ids, refusalBatch) {
			some, err := rs.readRefusals(ctx, t, chunk)
			unread, err := Skip(err)
			if err != nil {
				return nil, err
			}
			if sick = append(sick, unread...); len(unread) > 0 {
				break
			}
			out = append(out, slices.DeleteFunc(some, func(r Refusal) bool { return r.Ended != ended })...)
		}
	}
	slices.SortStableFunc(out, func(a, b Refusal) int { return cmp.Compare(a.At, b.At) })
	return out, some(sick)
}

// EachRefusal calls the function use with every refusal in the lists of some tenants, ended ones
// included. It reads some hundred at a time and keeps none. With an [*UnreadableError] it has read
// the lists that can be read. The function use must not keep its argument.
func (rs *RefusalStore) EachRefusal(ctx context.Context, tenants []string, use func(*Refusal)) error {
	var sick []Unreadable
	for _, t := range tenants {
		ids, err := rs.byTime(ctx, keyRefusals+t, time.Time{}, time.Time{}, 0)
		unread, err := Skip(err)
		sick = append(sick, unread...)
		if err != nil {
			return fmt.Errorf("list refusals: %w", err)
		}
		for chunk := range slices.Chunk(ids, refusalBatch) {
			refusals, err := rs.readRefusals(ctx, t, chunk)
			unread, err := Skip(err)
			if err != nil {
				return err
			}
			if sick = append(sick, unread...); len(unread) > 0 {
				break
			}
			for i := range refusals {
				use(&refusals[i])
			}
		}
	}
	return some(sick)
}

// Refusers lists the tenants that have refusals, or had. "" is among them if documents of no tenant
// were refused. With an [*UnreadableError] it returns the tenants that have handed in anything.
func (rs *RefusalStore) Refusers(ctx context.Context) ([]string, error) {
	tenants, sick, err := rs.refusers(ctx)
	return tenants, cmp.Or(err, some(sick))
}

// FindRefusal returns the refusal with this id in the list of one of the tenants, ended ones
// included. It returns nil when there is none, or none that can be read. If it finds none and the
// list of one of the tenants is sick, the error is an [*UnreadableError].
func (rs *RefusalStore) FindRefusal(ctx context.Context, id string, tenants ...string) (*Refusal, error) {
	found := make([]*redis.StringCmd, len(tenants))
	if err := rs.pipe(ctx, func(p redis.Pipeliner) {
		for i, t := range tenants {
			found[i] = p.HGet(ctx, rs.key(keyRefused, t), id)
		}
	}); err != nil {
		return nil, fmt.Errorf("find refusal %s: %w", id, err)
	}
	for i, t := range tenants {
		if r, ok := rs.unpackRefusal(t, id, found[i].Val()); ok && found[i].Err() == nil {
			return &r, nil
		}
	}
	for i, t := range tenants {
		if wrongType(found[i].Err()) {
			return nil, some([]Unreadable{sickKey(keyRefused + t)})
		}
	}
	return nil, nil
}

func (rs *RefusalStore) readRefusals(ctx context.Context, tenant string, ids []string) ([]Refusal, error) {
	packed, err := rs.rdb.HMGet(ctx, rs.key(keyRefused, tenant), ids...).Result()
	if err = sickOr(err, keyRefused+tenant); err != nil {
		return nil, fmt.Errorf("read refusals: %w", err)
	}
	var out []Refusal
	for i, v := range packed {
		if r, ok := rs.unpackRefusal(tenant, ids[i], text(v)); ok {
			out = append(out, r)
		}
	}
	return out, nil
}

// PruneRefusals forgets up to limit refusals of each tenant that are older than keep. It returns
// how many it forgot. An [*UnreadableError] says that there may be more tenants with refusals.
func (rs *RefusalStore) PruneRefusals(ctx context.Context, keep time.Duration, limit int) (int, error) {
	now, err := rs.Clock(ctx)
	if err != nil {
		return 0, err
	}
	tenants, sick, err := rs.refusers(ctx)
	if err != nil {
		return 0, err
	}
	gone := 0
	for _, t := range tenants {
		old := &redis.ZRangeBy{Min: "-inf", Max: "(" + strconv.FormatInt(now.Add(-keep).UnixMilli(), 10), Count: int64(limit)}
		ids, err := rs.rdb.ZRangeByScore(ctx, rs.key(keyRefusals, t), old).Result()
		if err == nil {
			err = rs.forgetRefusals(ctx, t, ids)
		}
		if err = rs.wellOnly(ctx, t, err); err != nil {
			return gone, fmt.Errorf("prune refusals: %w", err)
		}
		gone += len(ids)
	}
	return gone, some(sick)
}
