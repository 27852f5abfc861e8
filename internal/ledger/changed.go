package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Place is the place of one invoice in the order of last changes. At is the time of that change,
// and ID is the id of the invoice. The zero value is the place before all invoices. In a list that
// begins with the newest invoice, this is the place before the newest. In any other list it is the
// place before the oldest.
type Place struct {
	At Millis
	ID string
}

// justNow is how long Changed waits before it reads again. Changed leaves out the invoices that
// changed in the present millisecond, because other invoices may still change in it and get the
// same time. After the wait that millisecond is over.
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
// An [*UnreadableError] names the indexes whose keys hold another type. The invoices of the other
// states are returned with the error. The error also names each invoice whose score in an index is
// not a valid time (scores.go). A caller that goes on until the list is empty gets each of these
// names once. Any other error ends the list, so that a caller never goes on from the same place for
// ever.
func (er *EntryReader) Changed(ctx context.Context, states []State, from Place, n int) ([]Place, error) {
	for try := 0; ; try++ {
		// If the clock was set back, the last changes may be hours ahead of it. After some tries
		// Changed lists such invoices all the same, although another invoice may still get a place
		// before theirs.
		const tries = 3
		places, young, err := er.changed(ctx, states, from, n, try == tries)
		if _, other := Skip(err); other != nil {
			return nil, fmt.Errorf("list what changed: %w", other)
		}
		if len(places) > 0 || !young {
			return places, err
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
	// A page in which no score is a valid time has no place from which the caller could go on. So
	// the next page is read here, behind the last score of that page.
	var unread []Unreadable
	for at, id := strconv.FormatInt(int64(from.At), 10), from.ID; ; {
		args := er.args(at, id, n, whole)
		for _, s := range states {
			args = append(args, string(s))
		}
		r, err := er.run(ctx, changedScript, args)
		if err != nil {
			return nil, false, err
		}
		list, before := row(cell(r, 1)), at+" "+id
		var odd []Unreadable
		for i := 0; i+1 < len(list); i += 2 {
			id, at = text(list[i]), text(list[i+1])
			if when, ok := timeOfText(at); !ok {
				s, err := listing(ctx, er, states, id)
				if err != nil {
					return nil, false, err
				}
				odd = append(odd, oddScore(s, id, at))
			} else { // odd scores before a valid one are named with this page, those behind the last valid one with the next
				unread, odd = append(unread, odd...), nil
				places = append(places, Place{At: when, ID: id})
			}
		}
		switch {
		case len(places) > 0:
			last := places[len(places)-1]
			if last.At < from.At || last.At == from.At && last.ID <= from.ID {
				return nil, false, errStandsStill
			}
		case len(list) > 0 && at+" "+id != before:
			unread = append(unread, odd...)
			continue
		}
		return places, number(cell(r, 0)) == 1, some(append(unread, unlisted(r)...))
	}
}

// listing returns the first of these states whose index lists the id, or "" if none of them does.
func listing(ctx context.Context, er *EntryReader, states []State, id string) (State, error) {
	for _, s := range states {
		err := er.rdb.ZScore(ctx, er.key(keyState, string(s)), id).Err()
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, redis.Nil) && !wrongType(err) {
			return "", err
		}
	}
	return "", nil // it has left the indexes meanwhile
}

// unlisted describes the sick indexes and the invoices with odd scores that an answer of
// lua/changed.lua names besides its list.
func unlisted(r []any) (unread []Unreadable) {
	for _, key := range row(cell(r, 2)) {
		unread = append(unread, sickKey(text(key)))
	}
	odd := row(cell(r, 3))
	named := map[string]int{} // count by state, and by side: before or after all valid times
	for i := 0; i+2 < len(odd); i += 3 {
		state, score := text(odd[i]), text(odd[i+2])
		u := oddScore(State(state), text(odd[i+1]), score)
		f, _ := strconv.ParseFloat(score, 64)
		side := fmt.Sprint(state, f > 0)
		if named[side]++; named[side] == maxOdd {
			u.Err = andMore(u.Err)
		}
		unread = append(unread, u)
	}
	return unread
}
