package ledger

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"
)

// noteLists sets Listed of invoices that cannot be read. The scripts keep an invoice in the index
// of its state, so the index tells the state of an entry that another program has overwritten.
// Listed stays "" if no index lists the invoice, if several do, or if its index is sick too.
func noteLists(ctx context.Context, st *store, unread []Unreadable) error {
	for piece := range slices.Chunk(unread, listedPiece) {
		ids := make([]string, len(piece))
		for i := range piece {
			ids[i] = piece[i].ID
		}
		scores := make([]*redis.FloatSliceCmd, len(States()))
		if err := st.pipe(ctx, func(p redis.Pipeliner) {
			for at, s := range States() {
				scores[at] = p.ZMScore(ctx, st.key(keyState, string(s)), ids...)
			}
		}); err != nil {
			return err
		}
		in := make([][]State, len(piece))
		for at, s := range States() {
			for i, score := range scores[at].Val() { // 0 for an id that the index does not list
				if score != 0 {
					in[i] = append(in[i], s)
				}
			}
		}
		for i := range piece {
			if len(in[i]) == 1 {
				piece[i].Listed = in[i][0]
			}
		}
	}
	return nil
}
