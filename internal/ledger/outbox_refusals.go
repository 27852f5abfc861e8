package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// toldRefusal is what the record of a refused document says when an outcome about it is told.
type toldRefusal struct {
	record *Refusal // nil when there is none that can be read
	unread bool     // the record is there, or may be, and cannot be read
	why    *Unreadable
	// elsewhere says that another tenant's list has the refusal now. The outcome of that tenant
	// tells of it.
	elsewhere bool
}

// recordsOf reads the refusals of a tenant that the outcomes at these indexes are about. It returns
// them by id.
func (ob *OutboxStore) recordsOf(ctx context.Context, tenant string, outcomes []Outcome, at []int) (map[string]*toldRefusal, error) {
	ids := make([]string, len(at))
	for i, k := range at {
		ids[i] = outcomes[k].ID
	}
	out := make(map[string]*toldRefusal, len(ids))
	packed, err := ob.rdb.HMGet(ctx, ob.key(keyRefused, tenant), ids...).Result()
	if wrongType(err) { // the records may be in a backup of the key, so these outcomes wait, and no others
		why := sickKey(keyRefused + tenant)
		for _, id := range ids {
			out[id] = &toldRefusal{unread: true, why: &why}
		}
		return out, ob.refusals.seeSickLists(ctx, tenant)
	}
	if err != nil {
		return nil, fmt.Errorf("read refusals: %w", err)
	}
	var missing []Outcome
	for i, id := range ids {
		t := &toldRefusal{}
		out[id] = t
		switch stored, there := packed[i].(string); {
		case !there:
			missing = append(missing, outcomes[at[i]])
		default:
			if r, ok := ob.refusals.unpackRefusal(tenant, id, stored); ok {
				t.record = &r
			} else {
				t.unread, t.why = true, damagedRefusal(tenant, id)
			}
		}
	}
	return out, ob.findElsewhere(ctx, tenant, missing, out)
}

// findElsewhere looks for refusals whose record is now in the list of another tenant, and notes
// them in found. The record is there because the document was handed in again for that tenant. (If
// the identity of a document could not be read, its refusal is known only by the name of the file.
// Then a file of the same name from another tenant looks like the same document.)
func (ob *OutboxStore) findElsewhere(ctx context.Context, tenant string, missing []Outcome, found map[string]*toldRefusal) error {
	if len(missing) == 0 {
		return nil
	}
	tenants, sick, err := ob.refusals.refusers(ctx)
	if err = cmp.Or(err, some(sick)); err != nil {
		return err
	}
	ids := make([]string, len(missing))
	for i := range missing {
		ids[i] = missing[i].ID
	}
	others := slices.DeleteFunc(tenants, func(other string) bool { return other == tenant })
	var scores []*redis.FloatSliceCmd
	if err := ob.pipe(ctx, func(p redis.Pipeliner) {
		for _, other := range others {
			scores = append(scores, p.ZMScore(ctx, ob.key(keyRefusals, other), ids...))
		}
	}); err != nil {
		return fmt.Errorf("look for refusals: %w", err)
	}
	for k, of := range scores {
		if wrongType(of.Err()) { // the record may be there, so nothing counts as lost
			for _, id := range ids {
				found[id].unread = true
			}
			// The sweep names the key. The outcomes do not name it, because its name has the name
			// of another tenant.
			if err := ob.refusals.seeSickLists(ctx, others[k]); err != nil {
				return err
			}
			continue
		}
		for i, at := range of.Val() { // 0 is a member that is not there
			if at > 0 && int64(at) >= missing[i].Rev {
				found[ids[i]].elsewhere = true
			}
		}
	}
	return nil
}

// damagedRefusal describes the record of a refused document that cannot be read.
func damagedRefusal(tenant, id string) *Unreadable {
	return &Unreadable{ID: id, Key: keyRefused + tenant + "|" + id, Tenant: tenant, Opaque: true, Err: fmt.Errorf(
		"the record of this refused document cannot be read; it is the field %s of the key %s behind redis.prefix: "+
			"restore the field from a backup of Redis, or delete it: the record is then forgotten", id, keyRefused+tenant)}
}

// recheckRefusals notes in unread, for each key that names the record of a refused document (see
// damagedRefusal), whether that record still cannot be read. keys are all keys on record, and most
// of them name something else.
func recheckRefusals(ctx context.Context, st *store, keys []string, unread map[string]bool) error {
	for _, key := range keys {
		at := strings.LastIndex(key, "|")
		if at < 0 || !strings.HasPrefix(key, keyRefused) {
			continue
		}
		tenant, id := key[len(keyRefused):at], key[at+1:]
		packed, err := st.rdb.HGet(ctx, st.key(keyRefused, tenant), id).Result()
		switch {
		case errors.Is(err, redis.Nil): // a person has deleted it, or it was too old
		case wrongType(err):
			unread[key] = true
		case err != nil:
			return fmt.Errorf("read refusals: %w", err)
		default:
			_, ok := (&RefusalStore{store: st}).unpackRefusal(tenant, id, packed)
			unread[key] = !ok
		}
	}
	return nil
}

// SickRefused describes the key of the records of a tenant's refused documents if it is sick. It
// returns nil if it is well.
func (ob *OutboxStore) SickRefused(ctx context.Context, tenant string) (*Unreadable, error) {
	kind, err := ob.rdb.Type(ctx, ob.key(keyRefused, tenant)).Result()
	if err != nil {
		return nil, fmt.Errorf("read types of keys: %w", err)
	}
	if kind == "hash" || kind == "none" {
		return nil, nil
	}
	u := sickKey(keyRefused + tenant)
	return &u, nil
}
