package ledger

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// sickBucket is what finals.lua answers about a bucket that holds another type.
const sickBucket = "!"

// frozenIdentities returns, for each invoice of a batch, which document the bucket of its identity
// names. It returns an empty list if the buckets name a document for none of the invoices. It runs
// one script, because a command for each invoice would take longer.
func (ts *TakeStore) frozenIdentities(ctx context.Context, tx *redis.Tx, batch []NewInvoice) ([]any, error) {
	args := make([]any, 0, 2+2*len(batch))
	args = append(args, ts.args()...)
	for i := range batch {
		name, field := identityBucket(Identity{batch[i].NIP, batch[i].Kind, batch[i].Number}.digest())
		args = append(args, ts.key(keyIdentities, name), field)
	}
	found, err := finalsScript.Run(ctx, tx, nil, args...).Slice()
	if err != nil {
		return nil, err
	}
	var sick []string
	for i, v := range found {
		if text(v) == sickBucket {
			name, _ := identityBucket(Identity{batch[i].NIP, batch[i].Kind, batch[i].Number}.digest())
			sick = append(sick, keyIdentities+name)
		}
	}
	return found, (&UnreadableStore{store: ts.store}).seeSickNames(ctx, sick)
}

// frozenHolders returns the fields of those entries that are in buckets. For an entry whose bucket
// holds another type, it returns fields that make the entry unreadable.
func (ts *TakeStore) frozenHolders(ctx context.Context, tx *redis.Tx, ids []string, rows []*redis.SliceCmd) (map[string]map[string]string,
	error) {
	var missing []int
	for i, r := range rows {
		if v := r.Val(); r.Err() == nil && cell(v, 0) == nil && cell(v, 1) == nil && cell(v, 2) == nil && inBuckets(ids[i]) {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	values, err := frozenOf(ctx, ts.store, tx, ids, missing)
	if err != nil {
		return nil, err
	}
	out := map[string]map[string]string{}
	var sick []string
	for k, i := range missing {
		if wrongType(values[k].Err()) {
			bucket, _ := ts.bucketOf(ids[i])
			sick = append(sick, strings.TrimPrefix(bucket, ts.prefix))
		}
		if value := values[k].Val(); value != "" || wrongType(values[k].Err()) {
			out[ids[i]] = fieldsOfFrozen(value)
		}
	}
	return out, (&UnreadableStore{store: ts.store}).seeSickNames(ctx, sick)
}
