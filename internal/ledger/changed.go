package ledger

import (
	"context"
	"fmt"
	"time"
)

// Place is the place of one invoice in the order of last changes. At is when the invoice was last
// changed, ID is its id. The zero value is the place before all invoices. In a list that begins
// with the newest invoice, this is the place before the newest. In any other list it is the place
// before the oldest.
type Place struct {
	At Millis
	ID string
}

// latestTime is the time after which no change is believed, in the year 2100.
const latestTime = Millis(4102444800000)

// withOdd puts members with an impossible time before the others of a page. Another program wrote
// them. A caller goes on from the last place, so it must not be one of them: the list would begin
// again, or would leave out what changes later. If a page has none but them, the list is at its
// end, or at its beginning.
func withOdd(places, odd []Place, from Place) []Place {
	if len(places) == 0 && from != (Place{}) {
		return nil
	}
	for i := range odd {
		odd[i].At = 1
	}
	return append(odd, places...)
}

// justNow is how long Changed waits before it reads again. Changed leaves out the invoices that
// changed in the present millisecond, because others may still get the same time. After the wait
// that millisecond is over.
const justNow = 2 * time.Millisecond

// Changed lists up to n invoices of some states that stand behind a place, in one list. The
// invoices are in the order of their last change, and within a millisecond in the order of their
// ids. Changed runs one short script, however many invoices there are. An empty list means that no
// invoice is behind the place yet.
//
// An invoice that changes later stands behind all that were listed before. So a caller that goes on
// from the last place until the list is empty has met every invoice in its present state. New
// invoices are an exception, because their time is from just before they were written. They may
// stand before the last place.
//
// An [*UnreadableError] names the indexes whose keys hold something else. The invoices of the other
// states are returned with the error.
func (er *EntryReader) Changed(ctx context.Context, states []State, from Place, n int) ([]Place, error) {
	for try := 0; ; try++ {
		// If the clock was set back, the last changes may be hours ahead of it. After some tries
		// Changed lists such invoices all the same, although others may still come to stand before
		// them.
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
	var odd []Place
	for i := 0; i+1 < len(list); i += 2 {
		p := Place{At: Millis(number(list[i+1])), ID: text(list[i])}
		if p.At <= 0 || p.At > latestTime {
			odd = append(odd, p)
		} else {
			places = append(places, p)
		}
	}
	places = withOdd(places, odd, from)
	var sick []Unreadable
	for _, key := range row(cell(r, 2)) {
		sick = append(sick, sickKey(text(key)))
	}
	return places, number(cell(r, 0)) == 1, some(sick)
}
