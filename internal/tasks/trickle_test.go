package tasks

import (
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
)

// trickle is a waiting set into which a few invoices come each second, and a limiter with KSeF's
// limits of batch sessions. A package that is cut is opened at once, or as soon as there is a
// session. It is decided some time later.
type trickle struct {
	policy    CutPolicy
	start     time.Time
	lasts     time.Duration
	perSecond int
	due       time.Duration // from each invoice's arrival
	decided   time.Duration // from the opening of a package
	used      int           // sessions that were opened before, spread over the half hour before the start
}

// opening is one session that was opened. oldest is how long the oldest invoice of its package had
// waited when the package was cut.
type opening struct {
	at       time.Time
	invoices int
	oldest   time.Duration
}

// run returns every session that was opened. It also returns how many invoices still wait at the
// end, and how many packages still have no session.
func (c trickle) run(t *testing.T) (opened []opening, waiting, unopened int) {
	t.Helper()
	now := c.start.Add(-30 * time.Minute)
	limits := ratelimit.Limits{ // KSeF's, of batch sessions
		{Limit: 10, Per: time.Second}, {Limit: 20, Per: time.Minute}, {Limit: 60, Per: time.Hour},
	}
	limiter, err := ratelimit.New(ratelimit.NewMemory(func() time.Time { return now }), ratelimit.Options{
		Defaults: map[string]ratelimit.Limits{ratelimit.GroupOther: limits}, MaxSleep: -1})
	if err != nil {
		t.Fatal(err)
	}
	open := func() bool {
		kept := midnightKept(ratelimit.Window{Limit: 60, Per: time.Hour}, ledger.Group{}, 1, now)
		return limiter.Wait(t.Context(), "5265877635", ratelimit.GroupBatchSession, ratelimit.Reserve(kept)) == nil
	}
	for range c.used {
		now = now.Add(30 * time.Minute / time.Duration(c.used+1))
		if !open() {
			t.Fatal("the limits do not allow the sessions that were opened before the start")
		}
	}
	var set ledger.Waiting
	var standing []opening
	for s := range int(c.lasts / time.Second) {
		now = c.start.Add(time.Duration(s) * time.Second)
		if set.Count == 0 {
			set = ledger.Waiting{Oldest: now, Deadline: now.Add(c.due)}
		}
		set.Count, set.Newest = set.Count+c.perSecond, now
		u, err := limiter.Usage(t.Context(), "5265877635", ratelimit.GroupBatchSession)
		if err != nil {
			t.Fatal(err)
		}
		way := ledger.OnWay{Cut: len(standing), Packages: len(standing)}
		for _, o := range opened {
			if now.Sub(o.at) < c.decided {
				way.Packages++
			}
		}
		if c.policy.Decide(set, now, allowanceOf(u, way, set.Group, 1, now)) == CutPackage {
			standing = append(standing, opening{invoices: set.Count, oldest: now.Sub(set.Oldest)})
			set = ledger.Waiting{}
		}
		for len(standing) > 0 && open() {
			standing[0].at = now
			opened, standing = append(opened, standing[0]), standing[1:]
		}
	}
	return opened, set.Count, len(standing)
}

// sessions calls run, and checks that every package found a session.
func (c trickle) sessions(t *testing.T) []opening {
	t.Helper()
	opened, _, unopened := c.run(t)
	if unopened > 0 {
		t.Errorf("%d packages were cut and found no session, want none", unopened)
	}
	return opened
}

// For 150 seconds, two invoices with last week's P_1 arrive each second. If a package were cut each
// second, the packages would use up the sixty sessions of the hour.
func TestTrickle_Overdue_CostsAtMostOneSessionAMinute(t *testing.T) {
	c := trickle{
		policy: usual, start: warsaw(t, "2026-11-23 08:00:00 +01:00"), lasts: 150 * time.Second, perSecond: 2,
		due: -120 * time.Hour, decided: 5 * time.Second,
	}
	opened := c.sessions(t)
	if len(opened) == 0 || len(opened) > 3 {
		t.Errorf("%d sessions in 150 s, want 1 to 3: %v", len(opened), opened)
	}
	for _, o := range opened {
		if o.oldest > time.Minute {
			t.Errorf("an urgent invoice waited %s for the cut, want at most 1m", o.oldest)
		}
	}
	c.due = 36 * time.Hour
	if far := c.sessions(t); len(far) >= len(opened) {
		t.Errorf("%d sessions with a far deadline and %d with a deadline that is over, want fewer with the far deadline",
			len(far), len(opened))
	}
}

// Overdue invoices arrive for hours. The sessions of each hour are enough for that hour.
func TestTrickle_OverdueForFourHours_NeverRunsOutOfSessions(t *testing.T) {
	for _, perSecond := range []int{1, 5} {
		c := trickle{
			policy: usual, start: warsaw(t, "2026-11-23 08:00:00 +01:00"), lasts: 4 * time.Hour,
			perSecond: perSecond, due: -120 * time.Hour, decided: 5 * time.Second,
		}
		opened := c.sessions(t)
		longest := time.Duration(0)
		for _, o := range opened {
			longest = max(longest, o.oldest)
		}
		t.Logf("%d invoices a second: %d sessions in four hours, the longest wait %s", perSecond, len(opened), longest)
		if len(opened) > 240 || longest > 3*time.Minute {
			t.Errorf("%d sessions, want at most 240; the longest wait is %s, want at most 3m", len(opened), longest)
		}
	}
}

// Five invoices arrive each second for five hours, and the policy alone would cut each second. The
// sessions that are opened stay within sixty an hour, and nearly all of them are used.
func TestTrickle_HastyPolicy_KeepsWithinTheSessionsOfEachHour(t *testing.T) {
	c := trickle{
		policy: usual, start: warsaw(t, "2026-11-23 08:00:00 +01:00"), lasts: 5 * time.Hour, perSecond: 5,
		due: 36 * time.Hour, decided: 5 * time.Second,
	}
	c.policy.MaxWait = time.Second
	if opened := c.sessions(t); len(opened) < 5*55 || len(opened) > 300 {
		t.Errorf("%d sessions in five hours, want 275 to 300", len(opened))
	}
}

// Invoices with today's P_1 trickle in until midnight. There are few packages, all of them are
// opened before midnight, and next to nothing is left, however many sessions the hour before has
// used.
func TestTrickle_UntilMidnight_FewPackages_AllOpenedBefore(t *testing.T) {
	midnight := warsaw(t, "2026-11-24 00:00:00 +01:00")
	for _, used := range []int{0, 40, 54} {
		c := trickle{
			policy: usual, start: midnight.Add(-10 * time.Minute), lasts: 10 * time.Minute, perSecond: 2,
			due: 36 * time.Hour, decided: 5 * time.Second, used: used,
		}
		opened, waiting, unopened := c.run(t)
		sent := 0
		for _, o := range opened {
			sent += o.invoices
			if !o.at.Before(midnight) {
				t.Errorf("%d sessions used before: one more was opened at %s, which is not before midnight", used, o.at)
			}
		}
		t.Logf("%d sessions used before: %d packages with %d invoices, %d invoices too late", used, len(opened), sent, waiting)
		if unopened != 0 || len(opened) > 10 || sent+waiting != 1200 || waiting > 6 {
			t.Errorf("%d sessions used before: %d packages with %d of 1200 invoices, %d packages not opened, %d invoices not cut; "+
				"want at most 10 packages, all opened, and at most 6 invoices not cut",
				used, len(opened), sent, unopened, waiting)
		}
	}
}
