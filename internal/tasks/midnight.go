package tasks

import (
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
)

// What bears today's P_1 must have its session opened before midnight in Warsaw, or KSeF marks it
// offline. So in the last minutes of a day a set is not cut by how long it has waited but at a few
// fixed moments, each time with all that is in it: a trickle that was cut each second stood at
// midnight as a hundred packages, half of which had found no session.

// midnightGuard is how long before midnight the first of these cuts is made. Five minutes build and
// open several packages of 10,000.
const midnightGuard = 5 * time.Minute

// midnightCuts are the moments before midnight. The nearer midnight is, the less can still trickle
// in, and the sooner it is built and opened.
var midnightCuts = [...]time.Duration{midnightGuard, 75 * time.Second, 25 * time.Second, 8 * time.Second, 3 * time.Second}

// midnightMost bounds what is kept of a tenant's sessions for these cuts, however many sets it has.
const midnightMost = 20

func untilMidnight(now time.Time) time.Duration {
	y, m, d := now.In(invoice.Warsaw()).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, invoice.Warsaw()).Sub(now)
}

// guarded reports that a set is cut at the moments before midnight alone. What is declared offline
// has nothing to lose at midnight.
func guarded(g ledger.Group, now time.Time) bool {
	return !g.Offline && untilMidnight(now) <= midnightGuard
}

// atMidnightCut reports that something in the set waited already when the last of those moments
// came. Once it was cut, what is in the set is younger, and waits for the next one.
func atMidnightCut(w ledger.Waiting, now time.Time) bool {
	if !guarded(w.Group, now) {
		return false
	}
	left := untilMidnight(now)
	last := left
	for _, before := range midnightCuts {
		if left <= before {
			last = before
		}
	}
	return !w.Oldest.After(now.Add(left - last))
}

// midnightKept is how many places of a window are kept for the cuts before midnight. What is opened
// now still counts in the window when they are made, unless the window is shorter than the time
// until then. The cuts themselves keep nothing for anybody.
func midnightKept(w ratelimit.Window, g ledger.Group, sets int, now time.Time) int {
	if guarded(g, now) || untilMidnight(now)-midnightGuard >= w.Per {
		return 0
	}
	return max(min(len(midnightCuts)*sets, midnightMost, w.Limit-1), 0)
}
