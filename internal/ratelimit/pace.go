package ratelimit

import "time"

// Pace returns the pause between two requests at which the remaining places last until more places
// become free. It is zero while there is plenty. Pace is for callers that can choose how often they
// ask. For example, a caller that polls fifty sessions as often as the limiter allows uses up an
// hour's requests in ten minutes. It then learns nothing for fifty minutes.
//
// The first half of a window may be used at any pace. After that, the places that are left are
// spread over the time until the oldest request leaves the window. So the window is used up just
// when its places begin to become free. A caller that keeps to the pace uses the whole window and
// is never stopped for long.
//
// Unless the key is frozen, the pace is at most twice Per/Limit of some window. When no place is
// left, the pace is the wait for the next place, but at most Per/Limit. Callers that share the pace
// multiply it by their number. A long wait for the next place must not be multiplied, because many
// more places become free soon after that one. While the key is frozen, the pace is at least the
// rest of the freeze.
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

// Turn is for n callers that take turns. It returns how long each of them waits between two of its
// requests. turn is zero while there is plenty, and for n below 1. While every window has enough
// left for one round of all callers, turn is n times the [Usage.Pace]. Otherwise scarce is true,
// and turn is an estimate of the time until places for a whole round have become free. While the
// key is frozen, turn is at least the rest of the freeze, which is not multiplied. If turn is that
// rest, scarce is false.
//
// The waitlist knows best when each caller may go (see [Ticket]). So when places are scarce, a
// caller should pause for half of its turn and spend the other half on the waitlist. The waitlist
// gives it an exact instant. A pause of a whole turn would rely on an old estimate, and a place
// that is not taken in time is lost.
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
