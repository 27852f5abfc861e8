package ratelimit

import "time"

// Even is for those who can choose when they ask, as [Usage.Pace] is, but looks at the last minute
// and not at the hour: what comes in bursts uses up half of an hour's requests before its pace
// changes. gap is the distance at which the scarcest window is spread evenly over its length (for
// sixty an hour a minute). recent is how many requests were used within about the last gap, and
// burst how many of those may follow each other at once without taking more than a quarter of any
// window that short.
//
// Without a window as short as gap, recent counts a longer stretch. That errs on the careful side,
// by no more than a gap. No windows give zeros.
func (u Usage) Even() (gap time.Duration, recent, burst int) {
	for _, w := range u.Windows {
		gap = max(gap, w.Per/time.Duration(w.Limit))
	}
	var last Window
	for _, w := range u.Windows {
		if w.Per >= gap && (last.Per == 0 || w.Per < last.Per) {
			last, recent = w.Window, w.Used
		}
	}
	return gap, recent, max(last.Limit/4, min(len(u.Windows), 1))
}
