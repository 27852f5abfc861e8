package ratelimit

import "time"

// Slot returns when a request may go that has ahead others before it, of which none is booked yet: the instant after as many more bookings at the end of
// booked. It is what a caller is told who has to come back, and so that as many come back as will be let through; who then goes is decided by [Earliest], on what is really booked.
//
// Beyond one fill of the longest window the pattern repeats itself, so the cost is bounded by that window's limit and not by the length of the line. Pure, safe for concurrent use.
func Slot(from time.Time, booked []time.Time, limits Limits, ahead int) time.Time {
	if ahead <= 0 || len(limits) == 0 {
		return from
	}
	longest := limits[0]
	for _, w := range limits {
		if w.Per > longest.Per || (w.Per == longest.Per && w.Limit < longest.Limit) {
			longest = w
		}
	}
	rounds := ahead / longest.Limit
	ahead %= longest.Limit
	t, line := from, make([]time.Time, 0, ahead)
	for {
		n := len(booked) + len(line)
		for _, w := range limits {
			i := n - w.Limit // the one that has to be out of the window
			if i < 0 {
				continue
			}
			var out time.Time
			if i < len(booked) {
				out = booked[i]
			} else {
				out = line[i-len(booked)]
			}
			if out = out.Add(w.Per + tick); out.After(t) {
				t = out
			}
		}
		if len(line) == ahead {
			return t.Add(time.Duration(rounds) * (longest.Per + tick))
		}
		line = append(line, t)
	}
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
