package tasks

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"ksefworker/internal/ledger"
)

// usual is the policy of most of these tests.
var usual = CutPolicy{
	MaxWait: 2 * time.Minute, MaxInvoices: 5000, MaxBytes: 1 << 30, ExpressBelow: 5, Quiet: 10 * time.Second,
	DeadlineNear: 2 * time.Hour,
}

// warsaw parses a wall clock time in Poland. The text states the offset from UTC, so that a test
// checks the time zone.
func warsaw(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05 -07:00", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestDecide_WaitingSet_IsCutWhenItsTimeHasCome(t *testing.T) {
	const noon, far = "2026-11-23 12:00:00 +01:00", 36 * time.Hour // far from the deadline
	for _, c := range []struct {
		what                string
		now                 string
		count               int
		bytes               int64
		oldest, newest, due time.Duration // oldest and newest: how long ago; due: how long from now
		want                Cut
	}{
		{"nothing waits: there is nothing to cut, whatever the other values say",
			noon, 0, 1 << 40, time.Hour, time.Hour, -time.Hour, CutWait},
		{"nothing waits shortly before midnight", "2026-11-23 23:59:59 +01:00", 0, 0, 0, 0, 0, CutWait},
		{"many have just come: more may follow", noon, 1000, 1000, time.Minute, time.Second, far, CutWait},
		{"a full package does not wait for its time", noon, 5000, 1000, time.Second, 0, far, CutPackage},
		{"a package that is one invoice short of full waits", noon, 4999, 1000, time.Second, 0, far, CutWait},
		{"a heavy package does not wait for its time", noon, 10, 1 << 30, time.Second, 0, far, CutPackage},
		{"a package that is a byte short of full waits", noon, 10, 1<<30 - 1, time.Second, 0, far, CutWait},
		{"few but heavy invoices make a package: single sends would take very long",
			noon, 2, 1 << 30, time.Second, time.Second, far, CutPackage},
		{"nothing more arrives: many make a package at once", noon, 5, 1000, 10 * time.Second, 10 * time.Second, far, CutPackage},
		{"many that waited long enough make a package", noon, 5, 1000, 2 * time.Minute, 0, far, CutPackage},
		{"many that have not waited long enough wait on", noon, 5, 1000, 2*time.Minute - 1, 0, far, CutWait},
		{"few that waited long enough go express although more keep coming", noon, 4, 1000, 2 * time.Minute, 0, far, CutExpress},
		{"few, and nothing new for a while: express at once", noon, 4, 1000, 10 * time.Second, 10 * time.Second, far, CutExpress},
		{"few, but one came just now: more may follow", noon, 4, 1000, 30 * time.Second, 9 * time.Second, far, CutWait},
		{"as many as ExpressBelow are not few", noon, 5, 1000, time.Minute, time.Minute, far, CutPackage},
		{"an invoice alone goes express when nothing more arrives", noon, 1, 3000, 10 * time.Second, 10 * time.Second, far, CutExpress},
		{"a deadline is near: many make a package after a quarter of the wait",
			noon, 5, 1000, 30 * time.Second, 0, 2*time.Hour - 1, CutPackage},
		{"a deadline is near: many still wait before a quarter of the wait", noon, 5, 1000, 30*time.Second - 1, 0, time.Minute, CutWait},
		{"a deadline is near: a few go express after a quarter of the wait", noon, 1, 1000, 30 * time.Second, 0, time.Hour, CutExpress},
		{"a deadline is near, and few have just come: more may follow", noon, 1, 1000, 0, 0, time.Hour, CutWait},
		{"a deadline is just far enough: many wait as usual", noon, 5, 1000, 30 * time.Second, 0, 2 * time.Hour, CutWait},
		{"a deadline is over: many make a package after a quarter of the wait",
			noon, 5, 1000, 30 * time.Second, 0, -24 * time.Hour, CutPackage},
		{"a deadline is over: many still wait before a quarter of the wait",
			noon, 5, 1000, 30*time.Second - 1, 0, -24 * time.Hour, CutWait},

		{"winter: more than five minutes before midnight, all wait", "2026-11-23 23:54:59 +01:00", 100, 1000, time.Second, 0, far, CutWait},
		{"winter: at five minutes to midnight everything is cut",
			"2026-11-23 23:55:00 +01:00", 100, 1000, time.Second, 0, far, CutPackage},
		{"winter: what waited at 23:55 is still cut at 23:57",
			"2026-11-23 23:57:00 +01:00", 100, 1000, 3 * time.Minute, 0, far, CutPackage},
		{"winter: what came after 23:55 waits for the next cut, even when its deadline is over",
			"2026-11-23 23:58:44 +01:00", 100, 1000, 3 * time.Minute, time.Minute, -time.Hour, CutWait},
		{"winter: at 75 seconds to midnight everything is cut", "2026-11-23 23:58:45 +01:00", 100, 1000, 0, 0, far, CutPackage},
		{"winter: at 25 seconds to midnight everything is cut",
			"2026-11-23 23:59:35 +01:00", 100, 1000, 49 * time.Second, 0, far, CutPackage},
		{"winter: at 8 seconds to midnight everything is cut", "2026-11-23 23:59:52 +01:00", 100, 1000, 0, 0, far, CutPackage},
		{"winter: at 3 seconds to midnight everything is cut", "2026-11-23 23:59:57 +01:00", 100, 1000, 0, 0, far, CutPackage},
		{"winter: what comes in the last second would be too late", "2026-11-23 23:59:59 +01:00", 100, 1000, time.Second, 0, far, CutWait},
		{"winter: few go express before midnight", "2026-11-23 23:58:45 +01:00", 3, 1000, 0, 0, far, CutExpress},
		{"winter: a few go express when nothing more comes, as always",
			"2026-11-23 23:58:00 +01:00", 3, 1000, 10 * time.Second, 10 * time.Second, far, CutExpress},
		{"winter: at midnight itself a new day begins, and all wait",
			"2026-11-24 00:00:00 +01:00", 100, 1000, time.Second, 0, far, CutWait},
		{"winter: midnight in London is one o'clock in Warsaw", "2026-11-23 23:58:45 +00:00", 100, 1000, time.Second, 0, far, CutWait},
		{"winter: 22:58 in London is 23:58 in Warsaw", "2026-11-23 22:58:45 +00:00", 100, 1000, 0, 0, far, CutPackage},
		{"summer: at five minutes to midnight everything is cut", "2026-07-15 23:55:00 +02:00", 100, 1000, 0, 0, far, CutPackage},
		{"summer: 21:58 in London is 23:58 in Warsaw", "2026-07-15 21:58:45 +00:00", 100, 1000, 0, 0, far, CutPackage},
		{"summer: 22:58 in London is past midnight in Warsaw", "2026-07-15 22:58:45 +00:00", 100, 1000, 0, 0, far, CutWait},
		{"the day when clocks go forward ends at midnight, too", "2026-03-29 23:55:00 +02:00", 100, 1000, 0, 0, far, CutPackage},
		{"the day when clocks go forward: an hour before midnight, all wait", "2026-03-29 22:55:00 +02:00", 100, 1000, 0, 0, far, CutWait},
		{"the day when clocks go back ends at midnight, too", "2026-10-25 23:55:00 +01:00", 100, 1000, 0, 0, far, CutPackage},
		{"the day when clocks go back: an hour before midnight, all wait", "2026-10-25 22:55:00 +01:00", 100, 1000, 0, 0, far, CutWait},
		{"the last day of the year ends at midnight, too", "2026-12-31 23:58:45 +01:00", 100, 1000, 0, 0, far, CutPackage},
	} {
		now := warsaw(t, c.now)
		w := ledger.Waiting{
			Count: c.count, Bytes: c.bytes, Oldest: now.Add(-c.oldest), Newest: now.Add(-c.newest),
			Deadline: now.Add(c.due),
		}
		if got := usual.Decide(w, now, Allowance{}); got != c.want {
			t.Errorf("%s: the decision is %s, want %s", c.what, got, c.want)
		}
	}
}

func TestDecide_ExpressOff_EverythingTravelsInPackages(t *testing.T) {
	p, now := usual, warsaw(t, "2026-11-23 12:00:00 +01:00")
	p.ExpressBelow = 0
	rapid.Check(t, func(t *rapid.T) {
		if got := p.Decide(anyWaiting(t, now), now, Allowance{}); got == CutExpress {
			t.Error("single sends are chosen although the express lane is off")
		}
	})
}

// anyWaiting draws a waiting set.
func anyWaiting(t *rapid.T, now time.Time) ledger.Waiting {
	newest := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "newest"))
	return ledger.Waiting{
		Count:    rapid.IntRange(0, 10_000).Draw(t, "count"),
		Bytes:    rapid.Int64Range(0, 2<<30).Draw(t, "bytes"),
		Newest:   now.Add(-newest),
		Oldest:   now.Add(-newest - time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "oldest"))),
		Deadline: now.Add(time.Duration(rapid.Int64Range(int64(-48*time.Hour), int64(96*time.Hour)).Draw(t, "deadline"))),
	}
}

func TestDecide_AnySet_IsCutAfterMaxWaitAndStaysDue(t *testing.T) {
	day := warsaw(t, "2026-11-23 01:00:00 +01:00")
	rapid.Check(t, func(t *rapid.T) {
		now := day.Add(time.Duration(rapid.Int64Range(0, int64(21*time.Hour)).Draw(t, "clock")))
		w := anyWaiting(t, now)
		got := usual.Decide(w, now, Allowance{})
		if w.Count > 0 && now.Sub(w.Oldest) >= usual.MaxWait && got == CutWait {
			t.Errorf("the set %+v still waits after MaxWait", w)
		}
		if later := usual.Decide(w, now.Add(time.Minute), Allowance{}); got != CutWait && later == CutWait {
			t.Errorf("the decision is %s now and %s a minute later, want the set to stay due", got, later)
		}
		if got == CutExpress && w.Count >= usual.ExpressBelow {
			t.Errorf("%d invoices go express, want fewer than ExpressBelow", w.Count)
		}
	})
}

func TestUntilMidnight_DayOf23Or25Hours_EndsAtMidnightInWarsaw(t *testing.T) {
	for at, want := range map[string]time.Duration{
		"2026-03-29 00:00:00 +01:00": 23 * time.Hour,
		"2026-10-25 00:00:00 +02:00": 25 * time.Hour,
		"2026-11-23 00:00:00 +01:00": 24 * time.Hour,
		"2026-10-25 02:30:00 +02:00": 22*time.Hour + 30*time.Minute,
		"2026-10-25 02:30:00 +01:00": 21*time.Hour + 30*time.Minute,
		"2026-12-31 23:59:59 +01:00": time.Second,
	} {
		if got := untilMidnight(warsaw(t, at)); got != want {
			t.Errorf("at %s midnight is %v away, want %v", at, got, want)
		}
	}
}
