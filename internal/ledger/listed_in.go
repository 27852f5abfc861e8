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
	for piece := range slices.Chunk(of, listedPiece) {
		if err := notePieceOfLists(ctx, st, piece); err != nil {
			return err
		}
	}
	return nil
}

// notePieceOfLists does what noteLists does for at most listedPiece invoices, in one round trip.
func notePieceOfLists(ctx context.Context, st *store, unread []*Unreadable) error {
	ids := make([]string, len(unread))
	for i, u := range unread {
		ids[i] = u.ID
	}
	scores := map[State]*redis.FloatSliceCmd{}
	if err := st.pipe(ctx, func(p redis.Pipeliner) {
		for _, s := range States() {
			scores[s] = p.ZMScore(ctx, st.key(keyState, string(s)), ids...)
		}
	}); err != nil {
		return err
	}
	for s, cmd := range scores {
		for i, score := range cmd.Val() { // 0 for an id that the index does not list
			if score != 0 {
				unread[i].Listed = s
			}
		}
	}
	return nil
}
