package ledger

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// readLost looks again for entries that were not found, although they are listed as receipted. Such
// an entry may have left its bucket during the first search. If readLost does not find it either,
// it was lost with its bucket. KSeF has that invoice, so neither its document nor another document
// with its number is taken in.
func (ts *TakeStore) readLost(ctx context.Context, tx *redis.Tx, entries map[string]holder, ids []string) error {
	var missing []string
	for _, id := range ids {
		if _, here := entries[id]; !here && inBuckets(id) {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	scores, err := tx.ZMScore(ctx, ts.key(keyState, string(Receipted)), missing...).Result()
	if wrongType(err) {
		return nil // the list is sick: SickKeys names it
	}
	if err != nil {
		return err
	}
	var lost []string
	for i, id := range missing {
		if scores[i] != 0 {
			lost = append(lost, id)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	if err := ts.readInto(ctx, tx, entries, lost); err != nil {
		return err
	}
	for _, id := range lost {
		if _, here := entries[id]; !here {
			entries[id] = holder{id: id, unread: true}
		}
	}
	return nil
}
