package ratelimit

import "time"

// Spacing is for callers that can choose when they ask. Unlike [Usage.Pace], it looks at the last
// requests only. Pace lets bursts use up half of an hour's allowance before it slows them down.
//
// The results are:
//   - gap is the distance between requests that are spread evenly over the scarcest window (a
//     minute for a limit of sixty an hour).
//   - recent is how many requests were used within about the last gap.
//   - burst is how many requests may follow each other at once. It is a quarter of the limit of the
//     shortest window that is not shorter than gap, and at least one.
//
// When no window is about as short as gap, recent counts the requests of a longer time. Then
// callers are more careful than they need to be, by at most one gap. Without windows all three
// results are zero.
func (u Usage) Spacing() (gap time.Duration, recent, burst int) {
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
