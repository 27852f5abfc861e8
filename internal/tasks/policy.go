package tasks

import (
	"cmp"
	"time"

	"ksefworker/internal/ksef/numbers"
	"ksefworker/internal/ledger"
)

// CutPolicy says when a waiting set becomes a package. It works like the group commit of a
// database. While the tenant has no package on its way, the set is cut as soon as nothing more is
// arriving. While a package is on its way, the next one gathers invoices.
//
// Urgency changes the order. It does not open more sessions than the allowance leaves. A near
// deadline puts an invoice first in its package and shortens the wait for more invoices. The
// sessions of a set stay as far apart as before. A tenant has sixty sessions an hour. If a set of
// overdue invoices were cut every two seconds, all sixty would be used up in two minutes, with a
// few invoices in each.
type CutPolicy struct {
	MaxWait         time.Duration
	MaxInvoices     int
	SessionInvoices int // how many KSeF takes of the tenant in one session; 0 is its usual 10,000
	MaxBytes        int64
	ExpressBelow    int           // fewer than this may go by the express lane
	Quiet           time.Duration // nothing more is arriving once nothing new has arrived for this long
	DeadlineNear    time.Duration // a set whose legal deadline is closer than this is urgent
}

// Allowance is what is left of the tenant's batch sessions. The zero value means that there is
// plenty, and that no package is on its way.
type Allowance struct {
	// Pace is how far apart sessions may be opened in the long run; see [ratelimit.Usage.Pace].
	Pace time.Duration
	// Gap is the time between two sessions when an hour's sessions are spread evenly over the hour.
	// Recent is roughly the number of sessions that were used within the last Gap. It includes the
	// packages that are about to open a session. Burst is how many sessions may follow each other
	// at once while nothing more arrives; see [ratelimit.Usage.Spacing].
	Gap    time.Duration
	Recent int
	Burst  int
	Sets   int // waiting sets of the tenant that share the allowance; 0 is 1
	OnWay  int // packages of the tenant between the cut and their outcome
	// Arriving says that more of the tenant's invoices are known to be queued and will join its
	// waiting sets.
	Arriving bool
	Full     bool // no session can be opened now, so a package would only wait elsewhere and stop growing
}

// Cut is what to do with a waiting set now.
type Cut string

// The decisions.
const (
	CutWait    Cut = "wait"
	CutPackage Cut = "package"
	CutExpress Cut = "express"
)

// Decide returns what to do with a waiting set now. It is pure, so the same waiting set at the same
// time, with the same allowance, gives the same decision. A set that waits under an allowance also
// waits under a smaller one.
func (p CutPolicy) Decide(w ledger.Waiting, now time.Time, r Allowance) Cut {
	if w.Count == 0 {
		return CutWait
	}
	switch {
	case w.Count >= p.maxInvoices(r), w.Bytes >= p.MaxBytes:
		// The set cannot grow any more, so it may as well wait as a package.
		return CutPackage
	case p.few(w) && (p.quiet(w, now, r) || now.Sub(w.Oldest) >= p.maxWait(w, now) || atMidnightCut(w, now)):
		return CutExpress
	case p.due(w, now, r):
		return CutPackage
	}
	return CutWait
}

// due reports whether a session is left and the set has waited long enough for a session of its
// own.
func (p CutPolicy) due(w ledger.Waiting, now time.Time, r Allowance) bool {
	switch {
	case r.Full:
		return false
	case guarded(w.Group, now):
		return atMidnightCut(w, now)
	}
	return now.Sub(w.Oldest) >= p.gatherTime(w, now, r)
}

// gatherTime returns how long the oldest invoice waits for more invoices.
//
// The wait in the configuration is a wish. Sixty sessions an hour are enough for a set that is cut
// every two minutes. They are too few for ten such sets, or for one that is cut every two seconds
// while a night's export is being read. So the wait is never shorter than the sessions permit, and
// each set waits for its turn among the others. A set that has waited its time is cut at once. The
// next set is cut only when the sessions then stay evenly spread over the hour. Sets in which
// nothing more arrives may have a few sessions in a row, because waiting would bring them no more
// invoices. A few invoices that may not go by the express lane are not worth a session at once.
// They wait as long as the configuration says.
func (p CutPolicy) gatherTime(w ledger.Waiting, now time.Time, r Allowance) time.Duration {
	wait, burst, spend := p.maxWait(w, now), 1, r.Pace
	if r.OnWay == 0 && p.quiet(w, now, r) {
		burst = max(r.Burst, 1)
		if !p.few(w) {
			wait = 0
		}
	}
	if r.Recent >= burst {
		spend = max(spend, r.Gap)
	}
	return max(wait, spend*time.Duration(max(r.Sets, 1)))
}

// urgentPart divides the usual wait when a deadline is near, so that a quarter of the wait remains.
const urgentPart = 4

func (p CutPolicy) maxWait(w ledger.Waiting, now time.Time) time.Duration {
	if w.Deadline.Sub(now) < p.DeadlineNear {
		return p.MaxWait / urgentPart
	}
	return p.MaxWait
}

func (p CutPolicy) few(w ledger.Waiting) bool { return w.Count < p.ExpressBelow }

// quiet reports whether nothing more arrives. This is so when nothing has arrived for the time
// Quiet, and no more invoices are known to be queued.
func (p CutPolicy) quiet(w ledger.Waiting, now time.Time, r Allowance) bool {
	return !r.Arriving && now.Sub(w.Newest) >= p.Quiet
}

// maxInvoices returns how many invoices make a package full. While sessions are scarce it returns
// twice as many as usual, within KSeF's maximum.
func (p CutPolicy) maxInvoices(r Allowance) int {
	sessionMax := cmp.Or(p.SessionInvoices, numbers.MaxSessionInvoices)
	if r.Pace <= 0 {
		return min(p.MaxInvoices, sessionMax)
	}
	return min(2*p.MaxInvoices, sessionMax)
}
