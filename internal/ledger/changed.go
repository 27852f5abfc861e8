package ledger

import (
	"context"
	"fmt"
	"time"
)

// Place is a place in the order of last changes: that of the invoice with this id, which was last
// changed then. The zero value is the place before all invoices: before the oldest one, or, in a
// list that begins with the newest one, before the newest.
type Place struct {
	At Millis
	ID string
}

// justNow is how long Changed waits for the millisecond to end in which invoices were changed.
const justNow = 2 * time.Millisecond

// Changed lists up to n invoices of some states behind a place, all states together, in the order
// of their last change, and those of one millisecond in the order of their ids. It takes one short
// script, however many there are. When it returns none, there are none yet. An invoice that changes
// later stands behind all that were listed before. So whoever goes on from the last place until
// none are left has met every invoice in its present state. An invoice that was taken in is the
// exception: its time is from just before it was written.
// With an [*UnreadableError] it returns the invoices of the other states: the error names the
// indexes that hold something else.
func (er *EntryReader) Changed(ctx context.Context, states []State, from Place, n int) ([]Place, error) {
	for try := 0; ; try++ {
		// If the clock was set back, just now may be hours ahead: then the order has to suffer.
		const tries = 3
		places, young, err := er.changed(ctx, states, from, n, try == tries)
		if unread, other := Skip(err); other == nil && unread != nil && (len(places) > 0 || !young) {
			return places, err
		} else if other != nil {
			return nil, fmt.Errorf("list what changed: %w", err)
		}
		if len(places) > 0 || !young {
			return places, nil
		}
		select {
		case <-time.After(justNow):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (er *EntryReader) changed(ctx context.Context, states []State, from Place, n int, all bool) (places []Place, young bool, err error) {
	whole := 0
	if all {
		whole = 1
	}
	args := er.args(int64(from.At), from.ID, n, whole)
	for _, s := range states {
		args = append(args, string(s))
	}
	r, err := er.run(ctx, changedScript, args)
	if err != nil {
		return nil, false, err
	}
	list := row(cell(r, 1))
	for i := 0; i+1 < len(list); i += 2 {
		places = append(places, Place{At: Millis(number(list[i+1])), ID: text(list[i])})
	}
	var sick []Unreadable
	for _, key := range row(cell(r, 2)) {
		sick = append(sick, sickKey(text(key)))
	}
	return places, number(cell(r, 0)) == 1, some(sick)
}
