package ledger

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Newest is the newest document of an identity.
type Newest struct {
	ID    string
	State State
}

// NewestOf returns the newest document of the identity of each invoice, by the invoice's id. It
// leaves out invoices that are the newest themselves, and those whose newest document has no entry
// that can be read.
func (er *EntryReader) NewestOf(ctx context.Context, invs []Invoice) (map[string]Newest, error) {
	digests := make([]string, len(invs))
	for i := range invs {
		digests[i] = Identity{invs[i].NIP, invs[i].Kind, invs[i].Number}.digest()
	}
	holders, err := er.readIdentities(ctx, digests)
	if err != nil {
		return nil, fmt.Errorf("read later documents: %w", err)
	}
	states, frozen := map[string]*redis.StringCmd{}, map[string]*redis.BoolCmd{}
	if err := er.pipe(ctx, func(p redis.Pipeliner) {
		for i := range invs {
			id := holders.id(i)
			if id == "" || id == invs[i].ID {
				continue
			}
			states[invs[i].ID] = p.HGet(ctx, er.key(keyInvoice, id), "state")
			if inBuckets(id) {
				key, field := er.bucketOf(id)
				frozen[invs[i].ID] = p.HExists(ctx, key, field)
			}
		}
	}); err != nil {
		return nil, fmt.Errorf("read later documents: %w", err)
	}
	out := make(map[string]Newest, len(states))
	for i := range invs {
		id := invs[i].ID
		if c := states[id]; c != nil && c.Val() != "" {
			out[id] = Newest{ID: holders.id(i), State: State(c.Val())}
		} else if f := frozen[id]; f != nil && f.Val() {
			out[id] = Newest{ID: holders.id(i), State: Receipted}
		}
	}
	return out, nil
}
