package ratelimit

import (
	"slices"
	"sort"
	"time"
)

// Slot returns when a request may go that has ahead others before it, of which none is booked yet: the earliest instant that fits after each of them has
// taken the earliest that fits it, a place left free between booked ones included. It is what a caller is told who has to come back, and so that as many come back as will be let through.
//
// The free places between are what it is about. Who returns books its own turn, and leaves those free of the ones before it that are still on their way. A count that put them all behind
// the last booked instant would keep two places for each of them, and with each that books the line would promise later and later: where a queue wakes a hundred tasks on the whole
// second, a fifth of the allowance went that way.
//
// Beyond one fill of the longest window the pattern repeats itself, so the cost is bounded by that window's limit and not by the length of the line. Pure, safe for concurrent use.
func Slot(from time.Time, booked []time.Time, limits Limits, ahead int) time.Time {
	if ahead <= 0 || len(limits) == 0 {
		return Earliest(from, booked, limits, 0)
	}
	longest := limits[0]
	for _, w := range limits {
		if w.Per > longest.Per || (w.Per == longest.Per && w.Limit < longest.Limit) {
			longest = w
		}
	}
	rounds := ahead / longest.Limit
	t, line := from, slices.Clone(booked)
	for range ahead % longest.Limit {
		t = Earliest(t, line, limits, 0)
		behind := sort.Search(len(line), func(i int) bool { return line[i].After(t) })
		line = slices.Insert(line, behind, t)
	}
	t = Earliest(t, line, limits, 0)
	if rounds == 0 {
		return t
	}
	return Earliest(t.Add(time.Duration(rounds)*(longest.Per+tick)), line, limits, 0)
}

// thawStep is the pause between two doublings after a freeze: longer than an answer usually takes, so that a second 429 is known before more than one
// request has met it.
const thawStep = 2 * time.Second

// thawed is the earliest instant for the nth request (from 1) after a freeze that ended at frozen: one at once, two more after a step, then four, eight, and so on until
// the windows are the narrower bound. All that waited would come at once otherwise, and whatever made KSeF angry would do so again.
func thawed(frozen time.Time, nth int) time.Time {
	t := frozen
	for n := nth; n > 1; n /= 2 {
		t = t.Add(thawStep)
	}
	return t
}
