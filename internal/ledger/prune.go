package ledger

import (
	"context"
	"fmt"
	"time"
)

// Prune forgets up to about limit entries of each state that ended longer ago than retention, by
// Redis's clock: receipted, rejected, dismissed and superseded invoices, and packages that are
// over. It returns how many it forgot. KSeF remembers for ten years: if an invoice is handed in
// again after it was forgotten, KSeF answers 440 and the invoice is recovered.
func (bs *BodyStore) Prune(ctx context.Context, retention time.Duration, limit int) (int, error) {
	gone := 0
	for limit > 0 {
		piece := min(limit, prunePiece)
		r, err := bs.run(ctx, pruneScript, bs.args(piece, retention.Milliseconds()))
		if err != nil {
			return gone, fmt.Errorf("prune: %w", err)
		}
		n := int(number(cell(r, 0)))
		gone += n
		if limit -= piece; n < piece {
			break
		}
	}
	return gone, nil
}

// prunePiece is how many entries of each state one script forgets. Redis serves nobody else
// meanwhile.
const prunePiece = 100
