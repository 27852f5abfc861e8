package ratelimit

import "time"

// Pace is how far apart requests may follow each other so that what is left lasts until more comes free; zero while there is plenty. It is for those who can choose how often they
// ask: who polls fifty sessions as often as the limiter lets him has an hour's requests used up in ten minutes, and is blind for fifty.
//
// Up to half of a window goes at will. Beyond that, what is left of it is spread over the time until its oldest request leaves it: so the window is used up just when it begins to come free,
// and who keeps to the pace uses all of it and never stands still for long. It is at most twice the window's own distance (Per/Limit), and no more than that distance when nothing
// is left: fifty who share it must not multiply by fifty how long the next place is away, when after it many come free. While the key is frozen, the pace is not below what is left of the freeze.
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

// Turn is how long each of n who take turns waits from one of its requests to the next; zero while there is plenty, and for nobody. While what is left of a window is enough for a round of them
// all, it is n times the [Usage.Pace]. When it is not, scarce says so and it is what a round takes by the order in which places come free, of which nobody knows better than the line
// (see [Ticket]): who then pauses for half of it and stands in line for the other is told its turn exactly, while a whole turn is a guess made long before, and a place at which nobody has come
// is lost.
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
