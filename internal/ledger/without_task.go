package ledger

import (
	"context"
	"fmt"
	"time"
)

// Loose lists queued invoices that are in no waiting set and have not changed since before: only
// their task drives them on, or, for one that says that it waits and does not, nothing. Each call
// looks at about most of the queued ones, waiting or not, and goes on where the last one stopped,
// whoever made it; pass is true when all that were queued all the while have been looked at, and
// the next call begins anew. An invoice may be listed twice, and one that cannot be read is listed
// like any other.
//
// An index of them would be exact at once, and would cost every invoice that is taken in two writes to Redis, for what hardly ever happens; and entries written by a build that does not
// know the index would be missing from it.
func (l *Ledger) WithoutTask(ctx context.Context, before time.Time, most int) (ids []string, pass bool, err error) {
	r, err := l.run(ctx, withoutTaskScript, l.args(most, int64(At(before))))
	if err != nil {
		return nil, false, fmt.Errorf("look for queued invoices that wait for nothing: %w", err)
	}
	ids = make([]string, 0, len(r))
	for _, v := range r[1:] {
		ids = append(ids, text(v))
	}
	return ids, text(r[0]) == "0", nil
}
