package ledger

import (
	"context"
	"fmt"
	"time"
)

// Prune forgets up to about most entries of each kind that ended longer ago than retention, by
// Redis's clock: receipted, rejected, dismissed and superseded invoices, and packages that are over. KSeF remembers ten
// years: an invoice that is handed in again after it was forgotten is answered 440 and recovered.
func (l *Ledger) Prune(ctx context.Context, retention time.Duration, most int) (int, error) {
	r, err := l.run(ctx, pruneScript, l.args(most, retention.Milliseconds()))
	if err != nil {
		return 0, fmt.Errorf("prune: %w", err)
	}
	return int(number(cell(r, 0))), nil
}
