package ratelimit

import (
	"slices"
	"sort"
	"time"
)

// slot returns the instant for a request when a number of others (ahead), none of them booked yet,
// stand before it on the waitlist. It is the earliest instant that fits after each of the others
// has taken the earliest instant that fits. Gaps between booked instants are used too. A caller
// that has to come back is told this instant, so that as many come back as can be served.
//
// The gaps matter. A caller that returns books its own instant. The instants of callers before it
// that are still on their way stay free. If all of those callers were counted behind the last
// booked instant, two places would be kept for each of them: the free one and one at the end. Every
// booking would then push the promised instants of the waitlist further back. Where a queue wakes a
// hundred tasks on the whole second, a fifth of the allowance was lost that way.
//
// Beyond one fill of the longest window the pattern repeats, so the cost is bounded by that
// window's limit and not by the length of the waitlist. Pure, safe for concurrent use.
func slot(from time.Time, booked []time.Time, limits Limits, ahead int) time.Time {
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
	t, taken := from, slices.Clone(booked)
	for range ahead % longest.Limit {
		t = Earliest(t, taken, limits, 0)
		behind := sort.Search(len(taken), func(i int) bool { return taken[i].After(t) })
		taken = slices.Insert(taken, behind, t)
	}
	t = Earliest(t, taken, limits, 0)
	if rounds == 0 {
		return t
	}
	return Earliest(t.Add(time.Duration(rounds)*(longest.Per+tick)), taken, limits, 0)
}

// thawStep is the pause between two doublings after a freeze. It is longer than an answer usually
// takes, so that a second 429 is known before many requests have met it.
const thawStep = 2 * time.Second

// thawed is the earliest instant for the nth request (from 1) after a freeze that ended at frozen.
// One request may go at once, two more after a step, then four, eight, and so on, until the windows
// are the narrower bound. Otherwise all requests that waited would go at once, and that could
// provoke the next 429.
func thawed(frozen time.Time, nth int) time.Time {
	t := frozen
	for n := nth; n > 1; n /= 2 {
		t = t.Add(thawStep)
	}
	return t
}
