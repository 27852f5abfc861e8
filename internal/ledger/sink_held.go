package ledger

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// NotTaken returns, by invoice, the outcomes of these invoices that a sink still has to take. It
// leaves out invoices without such outcomes. unread lists the invoices whose outcomes cannot be
// read.
func (ss *SinkStore) NotTaken(ctx context.Context, sink string, ids []string) (held map[string][]Held, unread []string, err error) {
	return ss.heldIn(ctx, keySinkHeld, sink, ids)
}

func (ss *SinkStore) heldIn(ctx context.Context, key, sink string, names []string) (held map[string][]Held, unread []string, err error) {
	held = map[string][]Held{}
	if len(names) == 0 {
		return held, nil, nil
	}
	packed, err := ss.rdb.HMGet(ctx, ss.key(key, sink), names...).Result()
	if err != nil {
		return nil, nil, fmt.Errorf("read what sink %s has not taken: %w", sink, ss.sickSinkOr(ctx, sink, err))
	}
	for i, v := range packed {
		if list := ss.unpackHeld(key, sink, names[i], text(v)); len(list) > 0 {
			held[names[i]] = list
		} else if v != nil {
			unread = append(unread, names[i])
		}
	}
	return held, unread, nil
}

// Failed returns up to n outcomes that a sink did not take and that were given up, the oldest
// first.
func (ss *SinkStore) Failed(ctx context.Context, sink string, n int) ([]Held, error) {
	names, err := ss.rdb.ZRange(ctx, ss.key(keySinkGaveUp, sink), 0, int64(n)-1).Result()
	if err != nil {
		return nil, fmt.Errorf("list what sink %s did not take: %w", sink, ss.sickSinkOr(ctx, sink, err))
	}
	found, _, err := ss.heldIn(ctx, keySinkFailed, sink, names)
	if err != nil {
		return nil, err
	}
	out := make([]Held, 0, len(names))
	for _, name := range names {
		if found[name] == nil {
			// Its record is damaged, or a person deleted the key of the records, which was sick.
			// The name has the id and the revision, so the outcome can still be shown, and sent
			// again.
			id, rev, _ := strings.Cut(name, ":")
			n, _ := strconv.ParseInt(rev, 10, 64)
			found[name] = []Held{{Outcome: Outcome{ID: id, Rev: n}, Err: "its record is damaged"}}
		}
		out = append(out, found[name]...)
	}
	return out, nil
}
