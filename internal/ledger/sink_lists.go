package ledger

import (
	"context"
	"fmt"
	"time"
)

// HeldBack is what a sink has not taken of one invoice or refusal.
type HeldBack struct {
	ID      string
	Next    time.Time // of the next attempt
	Held    Held      // the outcome that is tried; only Held.ID is set when this process cannot read it
	Waiting int       // later outcomes that wait behind it
}

// HeldBack lists what a sink has not taken yet and will get again, in the order of the next
// attempt. It leaves out the first skip of them, and lists up to n.
func (ss *SinkStore) HeldBack(ctx context.Context, sink string, skip, n int) ([]HeldBack, error) {
	due, err := ss.rdb.ZRangeWithScores(ctx, ss.key(keySinkDue, sink), int64(skip), int64(skip+n)-1).Result()
	if err != nil {
		return nil, fmt.Errorf("list what sink %s has not taken: %w", sink, ss.sickSinkOr(ctx, sink, err))
	}
	ids := make([]string, len(due))
	for i, z := range due {
		ids[i], _ = z.Member.(string)
	}
	lists, _, err := ss.NotTaken(ctx, sink, ids)
	if err != nil {
		return nil, err
	}
	out := make([]HeldBack, len(due))
	for i, id := range ids {
		out[i] = HeldBack{ID: id, Next: Millis(due[i].Score).Time(), Held: Held{Outcome: Outcome{ID: id}}}
		if list := lists[id]; len(list) > 0 {
			out[i].Held, out[i].Waiting = list[0], len(list)-1
		}
	}
	return out, nil
}

// NewestFailed lists outcomes that a sink did not take and that were given up, the newest first. It
// leaves out the newest skip of them, and lists up to n. more says that there are outcomes older
// than the listed ones. A record that cannot be read is left out.
func (ss *SinkStore) NewestFailed(ctx context.Context, sink string, skip, n int) (failed []Held, more bool, err error) {
	names, err := ss.rdb.ZRevRange(ctx, ss.key(keySinkGaveUp, sink), int64(skip), int64(skip+n)).Result()
	if err != nil {
		return nil, false, fmt.Errorf("list what sink %s did not take: %w", sink, ss.sickSinkOr(ctx, sink, err))
	}
	if more = len(names) > n; more {
		names = names[:n]
	}
	found, _, err := ss.heldIn(ctx, keySinkFailed, sink, names)
	if err != nil {
		return nil, false, err
	}
	for _, name := range names {
		failed = append(failed, found[name]...)
	}
	return failed, more, nil
}
