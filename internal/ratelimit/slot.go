package ratelimit

import (
	"slices"
	"sort"
	"time"
)

// slot returns the instant for a request that has a number of others (ahead) before it on the
// waitlist. None of the others is booked yet. Each of them in turn takes the earliest instant that
// fits, and the request gets the next one. Gaps between booked instants are used too. A caller that
// has to come back is told this instant, so that as many come back as can be served.
//
// The gaps matter. When a caller returns, it books its own instant. Callers before it may still be
// on their way, and their instants stay free. If such callers were counted behind the last booked
// instant, each of them would have two places, the free one and one at the end. Every booking would
// then push the promised instants of the waitlist further back. With a queue that wakes a hundred
// tasks on the whole second, a fifth of the allowance was once lost in this way.
//
// Once the longest window has been filled, the pattern repeats. Therefore the limit of that window
// bounds the cost, whatever the length of the waitlist. slot is pure, and safe for concurrent use.
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

// thawStep is the pause between two doublings after a freeze. It is longer than most answers take,
// so that a second 429 arrives before many requests have gone.
const thawStep = 2 * time.Second

// thawed is the earliest instant for the nth request (from 1) after a freeze that ended at frozen.
// One request may go at once, two more after a step, then four, eight, and so on, until the windows
// allow fewer. If all requests that waited went at once, KSeF could answer with the next 429.
func thawed(frozen time.Time, nth int) time.Time {
	t := frozen
	for n := nth; n > 1; n /= 2 {
		t = t.Add(thawStep)
	}
	return t
}
