package tasks

import (
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
)

// The session of an invoice with today's P_1 must be opened before midnight in Warsaw, or KSeF
// marks the invoice offline. So in the last minutes of a day a waiting set that is not full becomes
// a package only at a few fixed moments. Each time the package takes all that is in the set. If
// invoices arrived slowly and were cut each second, there would be a hundred packages by midnight,
// and half of those would find no session.

// midnightGuard is how long before midnight the first of these cuts is made. Five minutes are
// enough to build and open several packages of 10,000.
const midnightGuard = 5 * time.Minute

// midnightCuts are the times before midnight at which these cuts are made. The nearer midnight is,
// the fewer invoices can still arrive, and the sooner a package of them is built and opened.
var midnightCuts = [...]time.Duration{midnightGuard, 75 * time.Second, 25 * time.Second, 8 * time.Second, 3 * time.Second}

// midnightMax is the largest number of a tenant's sessions that are kept for these cuts, however
// many sets the tenant has.
const midnightMax = 20

func untilMidnight(now time.Time) time.Duration {
	y, m, d := now.In(invoice.Warsaw()).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, invoice.Warsaw()).Sub(now)
}

// guarded reports whether the cuts before midnight decide when a set becomes a package. A set that
// is declared offline has nothing to lose at midnight.
func guarded(g ledger.Group, now time.Time) bool {
	return !g.Offline && untilMidnight(now) <= midnightGuard
}

// atMidnightCut reports whether something in the set waited already at the most recent of the
// midnightCuts. Invoices that came after that moment wait for the next one.
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

// midnightKept returns how many of the sessions that a limit allows are kept for the cuts before
// midnight. A session that is opened now still counts in the limit's window at those cuts, unless
// the window is shorter than the time until those cuts. If it is shorter, nothing is kept. During
// the cuts themselves nothing is kept either.
func midnightKept(w ratelimit.Window, g ledger.Group, sets int, now time.Time) int {
	if guarded(g, now) || untilMidnight(now)-midnightGuard >= w.Per {
		return 0
	}
	return max(min(len(midnightCuts)*sets, midnightMax, w.Limit-1), 0)
}
