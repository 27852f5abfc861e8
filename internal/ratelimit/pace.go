package ratelimit

import "time"

// Pace returns how far apart requests should follow each other so that what is left lasts until
// more becomes free; zero while there is plenty. It is for callers that can choose how often they
// ask: a caller that polls fifty sessions as often as the limiter allows uses up an hour's requests
// in ten minutes and learns nothing in the remaining fifty minutes.
//
// The first half of a window may be used at any pace. After that, the rest of it is spread over the
// time until its oldest request leaves it. So the window is used up just when it begins to become
// free, and a caller that keeps to the pace uses all of it and is never stopped for long.
//
// The pace is at most twice the window's own distance, which is Per/Limit. When nothing is left,
// the pace is the wait for the next place, but at most that distance. Callers that share the pace
// multiply it by their number, and a long wait for the next place must not be multiplied, because
// many places become free soon after it. While the key is frozen, the pace is at least the rest of
// the freeze.
func (u Usage) Pace() time.Duration {
	pace := u.Frozen
	for _, w := range u.Windows {
		own := w.Per / time.Duration(w.Limit)
		switch {
		case w.Left == 0:
			pace = max(pace, min(w.Free, own))
		case w.Used*2 > w.Limit:
			pace = max(pace, min(w.Free/time.Duration(w.Left), 2*own))
		}
	}
	return pace
}

// Turn returns how long each of n callers that take turns waits from one of its requests to the
// next; zero while there is plenty, and for n below 1. While every window has enough left for one
// round of all callers, turn is n times the [Usage.Pace]. Otherwise scarce is true, and turn
// estimates how long it takes until places for a whole round have become free. While the key is
// frozen, turn is at least the rest of the freeze, which is not multiplied. If turn is that rest,
// scarce is false.
//
// The waitlist knows best when each caller may go (see [Ticket]). So when places are scarce, a
// caller should pause for half of its turn and spend the other half on the waitlist, which tells it
// the exact instant. A whole turn is a guess made long before, and a place that no caller takes in
// time is lost.
func (u Usage) Turn(n int) (turn time.Duration, scarce bool) {
	if n <= 0 {
		return 0, false
	}
	turn = u.Frozen
	for _, w := range u.Windows {
		own := w.Per / time.Duration(w.Limit)
		round := time.Duration(n) * own
		lasts, short := time.Duration(0), n > w.Left
		switch {
		case short:
			lasts = min(w.Free, round) + time.Duration(n-w.Left)*own
		case w.Used*2 > w.Limit:
			lasts = min(time.Duration(n)*w.Free/time.Duration(w.Left), 2*round)
		}
		if lasts > turn {
			turn, scarce = lasts, short
		}
	}
	return turn, scarce
}
