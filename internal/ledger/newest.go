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

// NewestOf returns, by the ids of invs, the newest document of their identity where that is another
// document.
func (er *EntryReader) NewestOf(ctx context.Context, invs []Invoice) (map[string]Newest, error) {
	holders := make([]*redis.StringCmd, len(invs))
	if err := er.pipe(ctx, func(p redis.Pipeliner) {
		for i := range invs {
			holders[i] = p.Get(ctx, er.key(keyIdentity, Identity{invs[i].NIP, invs[i].Kind, invs[i].Number}.digest()))
		}
	}); err != nil {
		return nil, fmt.Errorf("read later documents: %w", err)
	}
	states := map[string]*redis.StringCmd{}
	if err := er.pipe(ctx, func(p redis.Pipeliner) {
		for i := range invs {
			if id := holders[i].Val(); id != "" && id != invs[i].ID {
				states[invs[i].ID] = p.HGet(ctx, er.key(keyInvoice, id), "state")
			}
		}
	}); err != nil {
		return nil, fmt.Errorf("read later documents: %w", err)
	}
	out := make(map[string]Newest, len(states))
	for i := range invs {
		if c := states[invs[i].ID]; c != nil && c.Val() != "" {
			out[invs[i].ID] = Newest{ID: holders[i].Val(), State: State(c.Val())}
		}
	}
	return out, nil
}
