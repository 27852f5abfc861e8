package ledger

import (
	"context"
	"fmt"
	"time"
)

// WithoutTask lists queued invoices that are in no waiting set and have not changed since the given
// time. An invoice whose entry names a waiting set that lacks it is listed, too. Only a task moves
// such an invoice on, so it would stay for ever if its task was lost.
//
// Each call reads about limit of all queued invoices and continues where the last call stopped,
// whichever process made it. pass is true at the end of a pass: every invoice that was queued from
// the beginning of the pass to its end has been read, and the next call starts from the beginning.
// An invoice may be listed twice, and one that cannot be read is listed like any other.
//
// An index of these invoices would be exact at once. But it would take two more writes to Redis for
// every invoice that is taken in, for something that hardly ever happens, and entries written by a
// build that does not know the index would be missing from it.
func (ps *PackageStore) WithoutTask(ctx context.Context, before time.Time, limit int) (ids []string, pass bool, err error) {
	r, err := ps.run(ctx, withoutTaskScript, ps.args(limit, int64(At(before))))
	if err != nil {
		return nil, false, fmt.Errorf("list queued invoices without task: %w", err)
	}
	ids = make([]string, 0, len(r))
	for _, v := range r[1:] {
		ids = append(ids, text(v))
	}
	return ids, text(r[0]) == "0", nil
}
