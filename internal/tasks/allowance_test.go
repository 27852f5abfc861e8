package tasks

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
)

func TestDecide_FewSessionsLeft_CutsLargerAndLaterWhateverTheDeadline(t *testing.T) {
	const noon, evening = "2026-11-23 12:00:00 +01:00", "2026-11-23 23:56:00 +01:00"
	hasty := usual
	hasty.MaxWait = time.Second
	const far = 36 * time.Hour // until the deadline
	none := Allowance{}
	for _, c := range []struct {
		what           string
		policy         CutPolicy
		now            string
		count          int
		oldest, newest time.Duration
		due            time.Duration
		left           Allowance
		want           Cut
	}{
		{"plenty of sessions left: the hasty policy decides", hasty, noon, 7, time.Second, 0, far, none, CutPackage},
		{"a minute between sessions: seven invoices wait after a second",
			hasty, noon, 7, time.Second, 0, far, Allowance{Pace: time.Minute, Sets: 1}, CutWait},
		{"a minute between sessions: seven invoices are cut after a minute",
			hasty, noon, 7, time.Minute, 0, far, Allowance{Pace: time.Minute, Sets: 1}, CutPackage},
		{"three sets share the sessions: each waits for more than two minutes",
			hasty, noon, 7, 2 * time.Minute, 0, far, Allowance{Pace: time.Minute, Sets: 3}, CutWait},
		{"three sets share the sessions: each is cut after three minutes",
			hasty, noon, 7, 3 * time.Minute, 0, far, Allowance{Pace: time.Minute, Sets: 3}, CutPackage},
		{"a pace shorter than the usual wait changes nothing",
			usual, noon, 7, 2 * time.Minute, 0, far, Allowance{Pace: time.Minute, Sets: 1}, CutPackage},
		{"no session left: a package would only wait, and take in no more invoices",
			hasty, noon, 7, time.Hour, 0, far, Allowance{Pace: time.Minute, Full: true}, CutWait},
		{"no session left: a few invoices still go express",
			hasty, noon, 3, time.Hour, 0, far, Allowance{Pace: time.Minute, Full: true}, CutExpress},
		{"a package of the usual size waits for more invoices",
			usual, noon, 5000, time.Second, 0, far, Allowance{Pace: time.Second}, CutWait},
		{"a package as large as KSeF takes does not wait, whatever the pace",
			usual, noon, 10_000, time.Second, 0, far, Allowance{Pace: time.Hour, Sets: 9}, CutPackage},
		{"a deadline is near: the set is cut no earlier than the sessions allow",
			hasty, noon, 7, time.Minute - 1, 0, time.Hour, Allowance{Pace: time.Minute}, CutWait},
		{"a deadline is over: the set is cut no earlier than the sessions allow",
			hasty, noon, 7, time.Minute - 1, 0, -time.Hour, Allowance{Pace: time.Minute}, CutWait},
		{"a deadline is over and no session is left", hasty, noon, 7, time.Hour, 0, -time.Hour, Allowance{Full: true}, CutWait},
		{"midnight is near: a set that waited at 23:55 is cut, whatever the pace",
			hasty, evening, 7, time.Minute, 0, far, Allowance{Pace: time.Hour, Sets: 9}, CutPackage},
		{"midnight is near and no session is left", hasty, evening, 7, time.Minute, 0, far, Allowance{Full: true}, CutWait},

		{"more keeps coming: the first set of a minute is cut after the usual wait",
			hasty, noon, 500, time.Second, 0, far, Allowance{Gap: time.Minute, Burst: 5}, CutPackage},
		{"more keeps coming: the second set of a minute gathers for a minute",
			hasty, noon, 500, 59 * time.Second, 0, far, Allowance{Gap: time.Minute, Recent: 1, Burst: 5}, CutWait},
		{"more keeps coming: the second set of a minute is cut after a minute",
			hasty, noon, 500, time.Minute, 0, far, Allowance{Gap: time.Minute, Recent: 1, Burst: 5}, CutPackage},
		{"more keeps coming: each of two sets gathers for two minutes",
			hasty, noon, 500, 119 * time.Second, 0, far, Allowance{Gap: time.Minute, Recent: 1, Burst: 5, Sets: 2}, CutWait},
		{"nothing more comes: five sets in a row are cut at once",
			usual, noon, 500, 10 * time.Second, 10 * time.Second, far, Allowance{Gap: time.Minute, Recent: 4, Burst: 5}, CutPackage},
		{"nothing more comes: the sixth set in a row waits",
			usual, noon, 500, 10 * time.Second, 10 * time.Second, far, Allowance{Gap: time.Minute, Recent: 5, Burst: 5}, CutWait},
		{"nothing more comes, but a package is on its way: the set gathers",
			usual, noon, 500, time.Minute, time.Minute, far, Allowance{OnWay: 1}, CutWait},
		{"a package is on its way: the set gathers no longer than the longest wait",
			usual, noon, 500, 2 * time.Minute, time.Minute, far, Allowance{OnWay: 1}, CutPackage},
		{"nothing more comes, but more is queued: the set gathers",
			usual, noon, 500, time.Minute, time.Minute, far, Allowance{Arriving: true}, CutWait},
		{"more is queued: a few invoices do not go express yet",
			usual, noon, 3, time.Minute, time.Minute, far, Allowance{Arriving: true}, CutWait},
		{"more is queued: the set gathers no longer than the longest wait",
			usual, noon, 500, 2 * time.Minute, time.Minute, far, Allowance{Arriving: true}, CutPackage},
	} {
		now := warsaw(t, c.now)
		w := ledger.Waiting{
			Count: c.count, Bytes: 1000, Oldest: now.Add(-c.oldest), Newest: now.Add(-c.newest), Deadline: now.Add(c.due),
		}
		if got := c.policy.Decide(w, now, c.left); got != c.want {
			t.Errorf("%s: the decision is %s, want %s", c.what, got, c.want)
		}
	}
}

func TestDue_FewInvoicesAndNoExpressLane_WaitForMaxWait(t *testing.T) {
	now := warsaw(t, "2026-11-23 12:00:00 +01:00")
	few := ledger.Waiting{
		Count: 1, Oldest: now.Add(-2*time.Minute + 1), Newest: now.Add(-time.Minute), Deadline: now.Add(36 * time.Hour),
	}
	if usual.due(few, now, Allowance{}) {
		t.Error("one invoice is due before MaxWait")
	}
	few.Oldest = now.Add(-2 * time.Minute)
	if !usual.due(few, now, Allowance{}) {
		t.Error("one invoice is not due after MaxWait")
	}
	// An invoice that is sent again arrives alone, after the package that it was in. This may
	// happen many times.
	hasty := usual
	hasty.MaxWait, hasty.Quiet = time.Second, time.Second
	again := ledger.Waiting{
		Count: 1, Oldest: now.Add(-time.Second), Newest: now.Add(-time.Second), Deadline: now.Add(36 * time.Hour),
	}
	within, beyond := Allowance{Gap: time.Minute, Recent: 4, Burst: 5}, Allowance{Gap: time.Minute, Recent: 5, Burst: 5}
	if in, after := hasty.due(again, now, within), hasty.due(again, now, beyond); !in || after {
		t.Errorf("a set of one invoice is due within a burst: %v, and beyond it: %v; want true and false", in, after)
	}
}

func TestDecide_SmallerAllowance_NeverCutsEarlier(t *testing.T) {
	day := warsaw(t, "2026-11-23 00:00:00 +01:00")
	rapid.Check(t, func(t *rapid.T) {
		now := day.Add(time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "clock")))
		w := anyWaiting(t, now)
		w.Group.Offline = rapid.Bool().Draw(t, "offline")
		left := Allowance{
			Pace:   time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "pace")),
			Gap:    time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "gap")),
			Recent: rapid.IntRange(0, 60).Draw(t, "recent"),
			Burst:  rapid.IntRange(0, 15).Draw(t, "burst"),
			Sets:   rapid.IntRange(0, 5).Draw(t, "sets"),
			OnWay:  rapid.IntRange(0, 3).Draw(t, "on way"),
			Full:   rapid.Bool().Draw(t, "full"),
		}
		if plenty, got := usual.Decide(w, now, Allowance{}), usual.Decide(w, now, left); plenty == CutWait && got != CutWait {
			t.Errorf("with the allowance %+v the decision is %s, want %s, as while plenty of sessions are left", left, got, CutWait)
		}
	})
}

func TestAllowanceOf_PackagesOnTheirWayAndMidnight_AreSubtracted(t *testing.T) {
	online, offline := ledger.Group{Tenant: "5265877635"}, ledger.Group{Tenant: "5265877635", Offline: true}
	used := func(hour, minute int) ratelimit.Usage {
		return ratelimit.Usage{Windows: []ratelimit.WindowUsage{
			{Window: ratelimit.Window{Limit: 20, Per: time.Minute}, Used: minute, Left: 20 - minute, Free: 30 * time.Second},
			{Window: ratelimit.Window{Limit: 60, Per: time.Hour}, Used: hour, Left: 60 - hour, Free: 30 * time.Minute},
		}}
	}
	for _, c := range []struct {
		why  string
		u    ratelimit.Usage
		way  ledger.OnWay
		g    ledger.Group
		sets int
		now  string
		full bool
	}{
		{"one session left", used(59, 3), ledger.OnWay{}, online, 1, "12:00:00", false},
		{"one session left, and a package that was cut will take it",
			used(59, 3), ledger.OnWay{Packages: 1, Cut: 1}, online, 1, "12:00:00", true},
		{"five sessions left: more than an hour before the cuts of midnight none is kept",
			used(55, 3), ledger.OnWay{}, online, 1, "22:54:59", false},
		{"five sessions left in the hour before: all are kept for the cuts of midnight",
			used(55, 3), ledger.OnWay{}, online, 1, "22:55:01", true},
		{"six sessions left: one is not kept", used(54, 3), ledger.OnWay{}, online, 1, "22:55:01", false},
		{"two sets: ten sessions are kept", used(51, 3), ledger.OnWay{}, online, 2, "23:30:00", true},
		{"few sessions left in this minute: none is kept, the minute ends before the cuts",
			used(30, 16), ledger.OnWay{}, online, 1, "23:30:00", false},
		{"shortly before midnight the cuts may use all sessions", used(59, 3), ledger.OnWay{}, online, 1, "23:55:00", false},
		{"a set that is declared offline must leave the kept sessions to the others",
			used(55, 3), ledger.OnWay{}, offline, 1, "23:56:00", true},
		{"sessions are frozen", ratelimit.Usage{Frozen: time.Second}, ledger.OnWay{}, online, 1, "12:00:00", true},
		{"no limits at all", ratelimit.Usage{}, ledger.OnWay{Packages: 9, Cut: 9}, online, 1, "12:00:00", false},
	} {
		if got := allowanceOf(c.u, c.way, c.g, c.sets, warsaw(t, "2026-11-23 "+c.now+" +01:00")); got.Full != c.full {
			t.Errorf("%s: the allowance is %+v, want full %v", c.why, got, c.full)
		}
	}
	u := used(3, 3)
	got := allowanceOf(u, ledger.OnWay{Packages: 3, Cut: 2}, online, 1, warsaw(t, "2026-11-23 12:00:00 +01:00"))
	if got.Recent != 5 || got.Gap != time.Minute || got.Burst != 5 || got.OnWay != 3 {
		t.Errorf("3 sessions used and 3 packages on their way, 2 of them cut: %+v, want Recent 5, Gap 1m, Burst 5 and OnWay 3", got)
	}
	if u.Windows[0].Used != 3 || u.Windows[1].Left != 57 {
		t.Error("allowanceOf changed the usage that it was given")
	}
}
