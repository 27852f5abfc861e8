package tasks

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
)

var usual = CutPolicy{MaxWait: 2 * time.Minute, MaxInvoices: 5000, MaxBytes: 1 << 30, ExpressBelow: 5, Quiet: 10 * time.Second, DeadlineNear: 2 * time.Hour}

// warsaw is a wall clock time in Poland, with the offset written down so that the zone is tested and not trusted.
func warsaw(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05 -07:00", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestDecide(t *testing.T) {
	const noon = "2026-11-23 12:00:00 +01:00"
	for _, c := range []struct {
		what                string
		now                 string
		count               int
		bytes               int64
		oldest, newest, due time.Duration // ago, ago, from now
		want                Cut
	}{
		{"nothing waits: there is nothing to cut, whatever else is said", noon, 0, 1 << 40, time.Hour, time.Hour, -time.Hour, CutWait},
		{"nothing waits shortly before midnight", "2026-11-23 23:59:59 +01:00", 0, 0, 0, 0, 0, CutWait},
		{"many have just come: more may follow", noon, 1000, 1000, time.Minute, time.Second, 36 * time.Hour, CutWait},
		{"a full package does not wait for its time", noon, 5000, 1000, time.Second, 0, 36 * time.Hour, CutPackage},
		{"one less than full waits", noon, 4999, 1000, time.Second, 0, 36 * time.Hour, CutWait},
		{"a heavy package does not wait for its time", noon, 10, 1 << 30, time.Second, 0, 36 * time.Hour, CutPackage},
		{"a byte less waits", noon, 10, 1<<30 - 1, time.Second, 0, 36 * time.Hour, CutWait},
		{"few but heavy ones make a package: single sends would take for ever", noon, 2, 1 << 30, time.Second, time.Second, 36 * time.Hour, CutPackage},
		{"many that waited long enough make a package", noon, 5, 1000, 2 * time.Minute, 0, 36 * time.Hour, CutPackage},
		{"an instant less waits", noon, 5, 1000, 2*time.Minute - 1, 0, 36 * time.Hour, CutWait},
		{"few that waited long enough go express although more keep coming", noon, 4, 1000, 2 * time.Minute, 0, 36 * time.Hour, CutExpress},
		{"few, and nothing new for a while: express at once", noon, 4, 1000, 10 * time.Second, 10 * time.Second, 36 * time.Hour, CutExpress},
		{"few, but one came just now: more may follow", noon, 4, 1000, 30 * time.Second, 9 * time.Second, 36 * time.Hour, CutWait},
		{"as many as the bound are not few", noon, 5, 1000, time.Minute, time.Minute, 36 * time.Hour, CutWait},
		{"one alone goes express when it is quiet", noon, 1, 3000, 10 * time.Second, 10 * time.Second, 36 * time.Hour, CutExpress},
		{"a deadline is near: many make a package at once", noon, 5, 1000, 0, 0, 2*time.Hour - 1, CutPackage},
		{"a deadline is near: few go express at once", noon, 1, 1000, 0, 0, time.Hour, CutExpress},
		{"a deadline just far enough waits", noon, 5, 1000, 0, 0, 2 * time.Hour, CutWait},
		{"a deadline that is over is near", noon, 5, 1000, 0, 0, -24 * time.Hour, CutPackage},

		{"winter: more than five minutes to midnight waits", "2026-11-23 23:54:59 +01:00", 100, 1000, time.Second, 0, 36 * time.Hour, CutWait},
		{"winter: exactly five minutes to midnight waits", "2026-11-23 23:55:00 +01:00", 100, 1000, time.Second, 0, 36 * time.Hour, CutWait},
		{"winter: less than five minutes to midnight cuts", "2026-11-23 23:55:01 +01:00", 100, 1000, time.Second, 0, 36 * time.Hour, CutPackage},
		{"winter: the last second cuts", "2026-11-23 23:59:59 +01:00", 100, 1000, 0, 0, 36 * time.Hour, CutPackage},
		{"winter: few go express before midnight", "2026-11-23 23:58:00 +01:00", 3, 1000, 0, 0, 36 * time.Hour, CutExpress},
		{"winter: midnight itself is a new day and waits", "2026-11-24 00:00:00 +01:00", 100, 1000, time.Second, 0, 36 * time.Hour, CutWait},
		{"winter: midnight in London is one o'clock in Warsaw", "2026-11-23 23:58:00 +00:00", 100, 1000, time.Second, 0, 36 * time.Hour, CutWait},
		{"winter: 22:58 in London is 23:58 in Warsaw", "2026-11-23 22:58:00 +00:00", 100, 1000, 0, 0, 36 * time.Hour, CutPackage},
		{"summer: less than five minutes to midnight cuts", "2026-07-15 23:56:00 +02:00", 100, 1000, 0, 0, 36 * time.Hour, CutPackage},
		{"summer: 21:58 in London is 23:58 in Warsaw", "2026-07-15 21:58:00 +00:00", 100, 1000, 0, 0, 36 * time.Hour, CutPackage},
		{"summer: 22:58 in London is past midnight in Warsaw", "2026-07-15 22:58:00 +00:00", 100, 1000, 0, 0, 36 * time.Hour, CutWait},
		{"the day when clocks go forward ends at midnight, too", "2026-03-29 23:57:00 +02:00", 100, 1000, 0, 0, 36 * time.Hour, CutPackage},
		{"on that day an hour before midnight waits", "2026-03-29 22:57:00 +02:00", 100, 1000, 0, 0, 36 * time.Hour, CutWait},
		{"the day when clocks go back ends at midnight, too", "2026-10-25 23:57:00 +01:00", 100, 1000, 0, 0, 36 * time.Hour, CutPackage},
		{"on that day an hour before midnight waits", "2026-10-25 22:57:00 +01:00", 100, 1000, 0, 0, 36 * time.Hour, CutWait},
		{"the last day of the year", "2026-12-31 23:58:00 +01:00", 100, 1000, 0, 0, 36 * time.Hour, CutPackage},
	} {
		now := warsaw(t, c.now)
		w := ledger.Waiting{Count: c.count, Bytes: c.bytes, Oldest: now.Add(-c.oldest), Newest: now.Add(-c.newest), Deadline: now.Add(c.due)}
		if got := usual.Decide(w, now, Room{}); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

func TestDecide_ExpressOff_EverythingTravelsInPackages(t *testing.T) {
	p, now := usual, warsaw(t, "2026-11-23 12:00:00 +01:00")
	p.ExpressBelow = 0
	rapid.Check(t, func(t *rapid.T) {
		if got := p.Decide(anyWaiting(t, now), now, Room{}); got == CutExpress {
			t.Error("a single send although the express lane is off")
		}
	})
}

func anyWaiting(t *rapid.T, now time.Time) ledger.Waiting {
	newest := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "newest"))
	return ledger.Waiting{
		Count: rapid.IntRange(0, 10_000).Draw(t, "count"), Bytes: rapid.Int64Range(0, 2<<30).Draw(t, "bytes"), Newest: now.Add(-newest),
		Oldest:   now.Add(-newest - time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "oldest"))),
		Deadline: now.Add(time.Duration(rapid.Int64Range(int64(-48*time.Hour), int64(96*time.Hour)).Draw(t, "deadline"))),
	}
}

func TestDecide_NothingWaitsLongerThanItsTime_AndTimeOnlyMakesItMoreUrgent(t *testing.T) {
	day := warsaw(t, "2026-11-23 01:00:00 +01:00")
	rapid.Check(t, func(t *rapid.T) {
		now := day.Add(time.Duration(rapid.Int64Range(0, int64(21*time.Hour)).Draw(t, "clock")))
		w := anyWaiting(t, now)
		got := usual.Decide(w, now, Room{})
		if w.Count > 0 && now.Sub(w.Oldest) >= usual.MaxWait && got == CutWait {
			t.Errorf("%+v waits on", w)
		}
		if later := usual.Decide(w, now.Add(time.Minute), Room{}); got != CutWait && later == CutWait {
			t.Errorf("%s now, %s a minute later", got, later)
		}
		if got == CutExpress && w.Count >= usual.ExpressBelow {
			t.Errorf("%d single sends", w.Count)
		}
	})
}

func TestUntilMidnight_IsTheDayOfWarsawWhateverItsLength(t *testing.T) {
	for at, want := range map[string]time.Duration{
		"2026-03-29 00:00:00 +01:00": 23 * time.Hour, "2026-10-25 00:00:00 +02:00": 25 * time.Hour, "2026-11-23 00:00:00 +01:00": 24 * time.Hour,
		"2026-10-25 02:30:00 +02:00": 22*time.Hour + 30*time.Minute, "2026-10-25 02:30:00 +01:00": 21*time.Hour + 30*time.Minute, "2026-12-31 23:59:59 +01:00": time.Second,
	} {
		if got := untilMidnight(warsaw(t, at)); got != want {
			t.Errorf("at %s: %v, want %v", at, got, want)
		}
	}
}

func TestDecide_LittleRoom_CutsLargerAndLater_UnlessADeadlineOrMidnightIsNear(t *testing.T) {
	const noon = "2026-11-23 12:00:00 +01:00"
	hasty := usual
	hasty.MaxWait = time.Second
	for _, c := range []struct {
		what   string
		policy CutPolicy
		now    string
		count  int
		oldest time.Duration
		due    time.Duration
		room   Room
		want   Cut
	}{
		{"plenty left: a hasty policy is obeyed", hasty, noon, 7, time.Second, 36 * time.Hour, Room{}, CutPackage},
		{"a minute between sessions: seven invoices do not cost one each second", hasty, noon, 7, time.Second, 36 * time.Hour, Room{Pace: time.Minute, Sets: 1}, CutWait},
		{"they do after that minute", hasty, noon, 7, time.Minute, 36 * time.Hour, Room{Pace: time.Minute, Sets: 1}, CutPackage},
		{"three sets share what is left", hasty, noon, 7, 2 * time.Minute, 36 * time.Hour, Room{Pace: time.Minute, Sets: 3}, CutWait},
		{"and each has its turn", hasty, noon, 7, 3 * time.Minute, 36 * time.Hour, Room{Pace: time.Minute, Sets: 3}, CutPackage},
		{"a pace shorter than the usual wait changes nothing", usual, noon, 7, 2 * time.Minute, 36 * time.Hour, Room{Pace: time.Minute, Sets: 1}, CutPackage},
		{"nothing left: a package would only wait elsewhere, and grow no more", hasty, noon, 7, time.Hour, 36 * time.Hour, Room{Pace: time.Minute, Full: true}, CutWait},
		{"nothing left: few go express all the same", hasty, noon, 3, time.Hour, 36 * time.Hour, Room{Pace: time.Minute, Full: true}, CutExpress},
		{"a full package becomes a larger one", usual, noon, 5000, time.Second, 36 * time.Hour, Room{Pace: time.Second}, CutWait},
		{"but not larger than KSeF takes", usual, noon, 10_000, time.Second, 36 * time.Hour, Room{Pace: time.Hour, Sets: 9}, CutPackage},
		{"a deadline is near: cut, whatever is left", hasty, noon, 7, 0, time.Hour, Room{Pace: time.Hour, Sets: 9}, CutPackage},
		{"midnight is near: cut, whatever is left", hasty, "2026-11-23 23:57:00 +01:00", 7, 0, 36 * time.Hour, Room{Pace: time.Hour, Sets: 9}, CutPackage},
	} {
		now := warsaw(t, c.now)
		w := ledger.Waiting{Count: c.count, Bytes: 1000, Oldest: now.Add(-c.oldest), Newest: now, Deadline: now.Add(c.due)}
		if got := c.policy.Decide(w, now, c.room); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

// Invoices trickle in for five hours, five each second, and the policy would cut each second. The sessions opened stay within sixty an hour by themselves, and are not saved up either.
func TestDecide_ATrickleUnderAHastyPolicy_KeepsWithinTheSessionsOfEachHour(t *testing.T) {
	hasty := usual
	hasty.MaxWait = time.Second
	start := warsaw(t, "2026-11-23 08:00:00 +01:00")
	var opened []time.Time
	inLastHour := func(now time.Time) int {
		n := 0
		for _, at := range opened {
			if now.Sub(at) <= time.Hour {
				n++
			}
		}
		return n
	}
	set := ledger.Waiting{}
	refused := 0
	for s := range 5 * 3600 {
		now := start.Add(time.Duration(s) * time.Second)
		if set.Count == 0 {
			set = ledger.Waiting{Oldest: now, Deadline: now.Add(36 * time.Hour)}
		}
		set.Count, set.Newest = set.Count+5, now
		used := inLastHour(now)
		free := time.Duration(0)
		if used > 0 {
			free = time.Hour - now.Sub(opened[len(opened)-used])
		}
		u := ratelimit.Usage{Windows: []ratelimit.WindowUsage{{Window: ratelimit.Window{Limit: 60, Per: time.Hour}, Used: used, Left: 60 - used, Free: free}}}
		if hasty.Decide(set, now, Room{Pace: u.Pace(), Sets: 1, Full: used >= 60}) == CutPackage {
			if used >= 60 {
				refused++
				continue
			}
			opened = append(opened, now)
			set = ledger.Waiting{}
		}
	}
	t.Logf("%d sessions in five hours, %d cuts that would have had to wait", len(opened), refused)
	if refused > 10 || len(opened) < 5*55 || len(opened) > 300 {
		t.Errorf("%d sessions, %d refused", len(opened), refused)
	}
}
