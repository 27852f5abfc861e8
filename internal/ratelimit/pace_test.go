package ratelimit

import (
	"testing"
	"time"
)

func TestPace_PlacesThatAreLeft_LastUntilMoreBecomeFree(t *testing.T) {
	hour, minute := Window{1200, time.Hour}, Window{120, time.Minute}
	for _, c := range []struct {
		why  string
		u    Usage
		want time.Duration
	}{
		{"nothing used", Usage{Windows: []WindowUsage{{Window: hour, Left: 1200}}}, 0},
		{"half of the window may be used at any pace", Usage{Windows: []WindowUsage{{hour, 600, 600, 50 * time.Minute}}}, 0},
		{"400 places left for 40 minutes", Usage{Windows: []WindowUsage{{hour, 800, 400, 40 * time.Minute}}}, 6 * time.Second},
		{"no place left: at most Per/Limit of the window",
			Usage{Windows: []WindowUsage{{hour, 1200, 0, 40 * time.Minute}}}, 3 * time.Second},
		{"one place left for 40 minutes: at most twice Per/Limit of the window",
			Usage{Windows: []WindowUsage{{hour, 1199, 1, 40 * time.Minute}}}, 6 * time.Second},
		{"more used than is allowed now", Usage{Windows: []WindowUsage{{hour, 1300, 0, time.Second}}}, time.Second},
		{"the tightest window decides",
			Usage{Windows: []WindowUsage{{minute, 119, 1, 30 * time.Second}, {hour, 800, 400, 10 * time.Minute}}},
			1500 * time.Millisecond},
		{"the key is frozen", Usage{Frozen: time.Minute}, time.Minute},
	} {
		if got := c.u.Pace(); got != c.want {
			t.Errorf("%s: the pace is %s, want %s", c.why, got, c.want)
		}
	}
}

func TestTurn_IsARoundOfAllCallers_SpreadEvenlyOrAsPlacesBecomeFree(t *testing.T) {
	hour, minute := Window{1200, time.Hour}, Window{120, time.Minute}
	for _, c := range []struct {
		why  string
		u    Usage
		n    int
		want time.Duration

		scarce bool
	}{
		{"no callers", Usage{Windows: []WindowUsage{{hour, 1200, 0, time.Minute}}}, 0, 0, false},
		{"nothing used", Usage{Windows: []WindowUsage{{Window: hour, Left: 1200}}}, 50, 0, false},
		{"half of the window may be used at any pace", Usage{Windows: []WindowUsage{{hour, 600, 600, 50 * time.Minute}}}, 50, 0, false},
		{"enough left for a round: fifty times the pace",
			Usage{Windows: []WindowUsage{{hour, 800, 400, 40 * time.Minute}}}, 50, 5 * time.Minute, false},
		{"100 places left for 59 minutes: at most fifty times twice Per/Limit of the window",
			Usage{Windows: []WindowUsage{{hour, 1100, 100, 59 * time.Minute}}}, 50, 5 * time.Minute, false},
		{"nothing left, and places become free one by one",
			Usage{Windows: []WindowUsage{{hour, 1200, 0, 0}}}, 50, 150 * time.Second, true},
		{"nothing left, and no place becomes free for 40 minutes",
			Usage{Windows: []WindowUsage{{hour, 1200, 0, 40 * time.Minute}}}, 50, 300 * time.Second, true},
		{"places left for twenty of fifty callers",
			Usage{Windows: []WindowUsage{{hour, 1180, 20, 10 * time.Second}}}, 50, 100 * time.Second, true},
		{"the tightest window decides",
			Usage{Windows: []WindowUsage{{minute, 119, 1, 30 * time.Second}, {hour, 700, 500, 50 * time.Minute}}},
			50, 5 * time.Minute, false},
		{"the key is frozen", Usage{Frozen: time.Hour, Windows: []WindowUsage{{hour, 1200, 0, 0}}}, 50, time.Hour, false},
	} {
		if got, scarce := c.u.Turn(c.n); got != c.want || scarce != c.scarce {
			t.Errorf("%s: the turn is %s (scarce %v), want %s (scarce %v)", c.why, got, scarce, c.want, c.scarce)
		}
	}
}

// A caller that keeps to the pace for hours uses the allowance and never stops for long.
func TestPace_KeptForHours_UsesTheAllowanceAndNeverStopsForLong(t *testing.T) {
	clock := newFakeClock()
	s := NewMemory(clock.now)
	r := Request{Key: Key{nip, GroupSessionMisc}, Limits: Defaults()[GroupSessionMisc], Margin: DefaultMargin}
	const hours = 5
	used, longest := 0, time.Duration(0)
	last := clock.now()
	for end := clock.now().Add(hours * time.Hour); clock.now().Before(end); {
		if _, err := s.Book(t.Context(), r); err == nil {
			used++
			longest = max(longest, clock.now().Sub(last))
			last = clock.now()
		}
		u, err := s.Usage(t.Context(), r.Key, r.Limits)
		must(t, err)
		clock.advance(max(u.Pace(), 100*time.Millisecond))
	}
	t.Logf("%d of %d requests went, at most %s apart", used, hours*1200, longest)
	if used < hours*1200*97/100 || used > hours*1200 {
		t.Errorf("%d requests went, want at least 97 %% of the %d allowed, and no more than those", used, hours*1200)
	}
	if longest > 20*time.Second {
		t.Errorf("the caller stopped for %s, want at most 20s", longest)
	}
}
