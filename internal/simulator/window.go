package simulator

import "time"

// window is one sliding window: at any moment at most limit requests were let in during the last span.
type window struct {
	name  string // second, minute, hour
	span  time.Duration
	limit int
}

// track remembers when requests of one group were let in, oldest first, no longer than the widest window reaches.
type track struct {
	admitted []time.Time
	// blocked until then, everything is refused.
	blockedUntil time.Time
	blockedSince time.Time
	// strikes are refusals that lengthen the next block; forgotten after strikeLife without one.
	strikes    int
	lastStrike time.Time
}

// excess looks for the window that one more request at now would overrun. Of several it names the one that takes
// longest to recover; wait is until then. A request exactly span old no longer counts.
func (t *track) excess(windows []window, now time.Time) (worst window, count int, wait time.Duration) {
	for _, w := range windows {
		n := 0
		for i := len(t.admitted) - 1; i >= 0 && now.Sub(t.admitted[i]) < w.span; i-- {
			n++
		}
		if n < w.limit {
			continue
		}
		oldest := t.admitted[len(t.admitted)-w.limit] // when this one leaves the window, one fits again
		if need := w.span - now.Sub(oldest); need > wait {
			worst, count, wait = w, n+1, need
		}
	}
	return worst, count, wait
}

// admit books a request that was let in and forgets what no window sees.
func (t *track) admit(windows []window, now time.Time) {
	widest := windows[len(windows)-1].span
	keep := 0
	for keep < len(t.admitted) && now.Sub(t.admitted[keep]) >= widest {
		keep++
	}
	t.admitted = append(t.admitted[keep:], now)
}
