package ledger

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// maxRefusals is how many refusals are kept of one tenant; the oldest go first. At about half a
// kilobyte each they take up to 3 MB of Redis for a tenant, however many documents are refused.
const maxRefusals = 5000

// maxOfClient is how many refusals of one client are kept, counting only documents that belong to
// no tenant. All clients share the list of such documents, and one client must not push the
// refusals of the others out of it.
const (
	maxOfClient  = maxRefusals / 5
	ofClientKept = 90 * 24 * time.Hour // how long the ids of a client's refusals are kept after the last of them
)

// MaxToldRefusals is how many refusals of one tenant are written into the outbox within
// refusalsToldIn. A program can have documents refused as fast as it sends them, and the outbox
// belongs to all tenants. The same bound holds for the refusals of one client whose documents
// belong to no tenant.
const (
	MaxToldRefusals = maxRefusals
	refusalsToldIn  = 4 * time.Hour
)

// sender is the one whose refusals are counted together. It is a tenant, or the client that handed
// in documents of no tenant. If both are empty, the sender stands for all documents of no tenant
// that did not come over HTTP.
type sender struct{ tenant, client string }

func senderOf(r *Refusal) sender {
	if r.Tenant != "" {
		return sender{tenant: r.Tenant}
	}
	return sender{client: r.By}
}

// mayTell returns how many of n refusals may be written into the outbox now. All n are counted. A
// count that another program has overwritten begins again.
func (rs *RefusalStore) mayTell(ctx context.Context, s sender, n int) (int, error) {
	key := rs.key(keyRefusalsTold, s.tenant)
	if s.client != "" {
		key = rs.key(keyClientTold, s.client)
	}
	var counted *redis.IntCmd
	if err := rs.pipe(ctx, func(p redis.Pipeliner) {
		p.SetNX(ctx, key, 0, refusalsToldIn)
		counted = p.IncrBy(ctx, key, int64(n))
	}); err != nil {
		return 0, err
	}
	if wrongType(counted.Err()) {
		return min(n, MaxToldRefusals), rs.rdb.Unlink(ctx, key).Err()
	}
	return int(min(max(MaxToldRefusals-(counted.Val()-int64(n)), 0), int64(n))), nil
}

// dropOldest forgets the oldest refusals of a list that has too many. In the list of documents
// without a tenant, it also forgets the oldest ones of a client that has too many there. recorded
// are the refusals that were just written.
func (rs *RefusalStore) dropOldest(ctx context.Context, s sender, recorded []redis.Z) error {
	if s.client != "" {
		key := rs.key(keyClientRefusals, s.client)
		if err := rs.pipe(ctx, func(p redis.Pipeliner) {
			p.ZAdd(ctx, key, recorded...)
			p.Expire(ctx, key, ofClientKept)
		}); err != nil {
			return err
		}
		ids, err := rs.beyond(ctx, key, maxOfClient)
		if wrongType(err) {
			err = nil // another program wrote the key, so only the bound of the whole list counts
		}
		if err == nil {
			err = rs.forgetRefusals(ctx, "", ids)
		}
		if err == nil && len(ids) > 0 {
			err = rs.rdb.ZRem(ctx, key, anys(ids)...).Err()
		}
		if err != nil {
			return err
		}
	}
	ids, err := rs.beyond(ctx, rs.key(keyRefusals, s.tenant), maxRefusals)
	if err != nil {
		return err
	}
	return rs.forgetRefusals(ctx, s.tenant, ids)
}

// anys returns ids as the arguments that a command takes.
func anys(ids []string) []any {
	out := make([]any, len(ids))
	for i, id := range ids {
		out[i] = id
	}
	return out
}

// beyond returns the oldest members of a list: as many as the list has above the maximum.
func (rs *RefusalStore) beyond(ctx context.Context, key string, most int64) ([]string, error) {
	n, err := rs.rdb.ZCard(ctx, key).Result()
	if err != nil || n <= most {
		return nil, err
	}
	return rs.rdb.ZRange(ctx, key, 0, n-most-1).Result()
}
