package ledger

import (
	"context"
	"fmt"
	"time"
)

// WithoutTask lists queued invoices that are in no waiting set and have not changed since the given
// time. An invoice is listed, too, if its entry names a waiting set and the set does not contain
// it. Only a task moves these invoices on, so an invoice whose task was lost would stay queued for
// ever.
//
// Each call reads about limit of all queued invoices and continues where the last call of any
// process stopped. pass is true at the end of a pass. Then every invoice that was queued during the
// whole pass has been read, and the next call starts from the beginning. An invoice may be listed
// twice. An unreadable one is listed like any other.
//
// With an index of these invoices, each call could list all of them exactly. But the index would
// take two more writes to Redis for every invoice that is taken in, although a task is hardly ever
// lost. Entries written by a build that does not know the index would be missing from it.
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
