package ledger

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"
)

// noteLists sets Listed of the invoices whose fields do not say their states. The scripts keep an
// invoice in the index of its state, so the index tells the state of an entry that another program
// has overwritten. Listed stays "" if no index lists the invoice, or if its index is sick too.
func noteLists(ctx context.Context, st *store, unread []Unreadable) error {
	var of []*Unreadable
	for i := range unread {
		if u := &unread[i]; !slices.Contains(States(), State(u.State)) && Damaged(u.Err) {
			of = append(of, u)
		}
	}
	if len(of) == 0 {
		return nil
	}
	found := make([]map[State]*redis.FloatCmd, len(of))
	if err := st.pipe(ctx, func(p redis.Pipeliner) {
		for i, u := range of {
			found[i] = map[State]*redis.FloatCmd{}
			for _, s := range States() {
				found[i][s] = p.ZScore(ctx, st.key(keyState, string(s)), u.ID)
			}
		}
	}); err != nil {
		return err
	}
	for i, u := range of {
		for s, score := range found[i] {
			if score.Err() == nil {
				u.Listed = s
			}
		}
	}
	return nil
}
