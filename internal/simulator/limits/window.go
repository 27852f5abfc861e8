package limits

import "time"

// window is one sliding window. It admits at most limit requests in any period of length span.
type window struct {
	name  string // second, minute, hour
	span  time.Duration
	limit int
}

// track remembers the admitted requests of one account and group.
type track struct {
	// admitted holds the times of the requests, oldest first, as far back as the widest window
	// reaches.
	admitted []time.Time
	// Every request is refused until blockedUntil.
	blockedUntil time.Time
	blockedSince time.Time
	// refusals lengthen the next block. They are forgotten after refusalLife without another
	// refusal.
	refusals    int
	lastRefusal time.Time
}

// excess finds the window that one more request at now would overrun. Of several such windows it
// returns the one that takes longest to recover. wait is the time until that window has recovered.
// It is 0 when the request fits. A request that is exactly span old no longer counts.
func (t *track) excess(windows []window, now time.Time) (worst window, count int, wait time.Duration) {
	for _, w := range windows {
		n := 0
		for i := len(t.admitted) - 1; i >= 0 && now.Sub(t.admitted[i]) < w.span; i-- {
			n++
		}
		if n < w.limit {
			continue
		}
		oldest := t.admitted[len(t.admitted)-w.limit] // one more fits as soon as this one leaves the window
		if need := w.span - now.Sub(oldest); need > wait {
			worst, count, wait = w, n+1, need
		}
	}
	return worst, count, wait
}

// admit records a request and forgets those that no window reaches any more.
func (t *track) admit(windows []window, now time.Time) {
	if len(windows) == 0 {
		return // nothing is limited
	}
	widest := windows[len(windows)-1].span
	keep := 0
	for keep < len(t.admitted) && now.Sub(t.admitted[keep]) >= widest {
		keep++
	}
	t.admitted = append(t.admitted[keep:], now)
}
