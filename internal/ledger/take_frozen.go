package ledger

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// sickBucket is what finals.lua answers about a bucket that holds a value of the wrong type.
const sickBucket = "!"

// frozenIdentities returns, for each invoice of a batch, which document the bucket of its identity
// names. It returns an empty list if the buckets name a document for none of the invoices. It runs
// one script, because a command for each invoice would take longer.
func (ts *TakeStore) frozenIdentities(ctx context.Context, tx *redis.Tx, batch []NewInvoice) ([]any, error) {
	args := make([]any, 0, 2+2*len(batch))
	args = append(args, ts.args()...)
	for i := range batch {
		key, field := bucketOfIdentity(&batch[i])
		args = append(args, ts.key(key), field)
	}
	found, err := finalsScript.Run(ctx, tx, nil, args...).Slice()
	if err != nil {
		return nil, err
	}
	var sick []string
	for i, v := range found {
		if text(v) == sickBucket {
			key, _ := bucketOfIdentity(&batch[i])
			sick = append(sick, key)
		}
	}
	return found, (&UnreadableStore{store: ts.store}).seeSickNames(ctx, sick)
}

// bucketOfIdentity returns where the identity of a receipted invoice would be.
func bucketOfIdentity(inv *NewInvoice) (key, field string) {
	name, field := identityBucket(Identity{inv.NIP, inv.Kind, inv.Number}.digest())
	return keyIdentities + name, field
}

// frozenHolders returns the fields of those entries that are in buckets. For an entry whose bucket
// holds a value of the wrong type, it returns fields that make the entry unreadable. It does the
// same for an entry whose own key exists and has none of the fields that every entry has.
func (ts *TakeStore) frozenHolders(ctx context.Context, tx *redis.Tx, ids []string, rows []*redis.SliceCmd) (map[string]map[string]string,
	error) {
	var missing, own []int
	var keys []string
	for i, r := range rows {
		if v := r.Val(); r.Err() == nil && cell(v, 0) == nil && cell(v, 1) == nil && cell(v, 2) == nil {
			own, keys = append(own, i), append(keys, ts.key(keyInvoice, ids[i]))
			if inBuckets(ids[i]) {
				missing = append(missing, i)
			}
		}
	}
	if len(own) == 0 {
		return nil, nil
	}
	values := make([]*redis.StringCmd, len(missing))
	var there *redis.IntCmd
	if err := pipe(ctx, tx, func(p redis.Pipeliner) {
		there = p.Exists(ctx, keys...)
		askBuckets(ctx, ts.store, p, ids, missing, values)
	}); err != nil {
		return nil, err
	}
	out := map[string]map[string]string{}
	if there.Val() > 0 {
		if err := ts.readForeign(ctx, tx, ids, own, out); err != nil {
			return nil, err
		}
	}
	var sick []string
	for k, i := range missing {
		if wrongType(values[k].Err()) {
			bucket, _ := ts.bucketOf(ids[i])
			sick = append(sick, strings.TrimPrefix(bucket, ts.prefix))
		}
		if value := values[k].Val(); out[ids[i]] == nil && (value != "" || wrongType(values[k].Err())) {
			out[ids[i]] = fieldsOfFrozen(value)
		}
	}
	return out, (&UnreadableStore{store: ts.store}).seeSickNames(ctx, sick)
}

// readForeign reads again the entries ids[i], for each i in which, that had no fields of an entry
// although some of their keys exist. Nearly always such an entry was written a moment ago, or has
// just left its bucket, and out gets its fields. Otherwise its key has only fields of somebody
// else, and nobody knows what was there. Then out gets those fields, which make the entry
// unreadable, so that its document is not taken for a new one.
func (ts *TakeStore) readForeign(ctx context.Context, tx *redis.Tx, ids []string, which []int, out map[string]map[string]string) error {
	cmds := make([]*redis.MapStringStringCmd, len(which))
	if err := pipe(ctx, tx, func(p redis.Pipeliner) {
		for k, i := range which {
			cmds[k] = p.HGetAll(ctx, ts.key(keyInvoice, ids[i]))
		}
	}); err != nil {
		return err
	}
	for k, i := range which {
		if wrongType(cmds[k].Err()) {
			out[ids[i]] = map[string]string{}
		} else if m := cmds[k].Val(); len(m) > 0 {
			out[ids[i]] = m
		}
	}
	return nil
}
