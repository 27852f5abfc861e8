package tasks

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

const first, last = 2 * time.Second, 5 * time.Minute

func TestPause_PlentyLeft_IsTheAgesOwn(t *testing.T) {
	now := warsaw(t, "2026-11-23 12:00:00 +01:00")
	s := share{closed: 50, mean: now.Add(-time.Hour)}
	for _, age := range []time.Duration{0, 10 * time.Second, 10 * time.Minute, time.Hour} {
		if got, want := s.pause(age, now, false, first, last), retry.Age(age, first, last); got != want {
			t.Errorf("age %s: %s, want %s", age, got, want)
		}
	}
}

func TestPause_UnderPressure_EachHasItsTurn_TheOldestAndTheUrgentMoreOften(t *testing.T) {
	now := warsaw(t, "2026-11-23 12:00:00 +01:00")
	s := share{closed: 50, mean: now.Add(-5 * time.Minute), status: 3 * time.Second}
	for _, c := range []struct {
		why    string
		age    time.Duration
		urgent bool
		want   time.Duration
	}{
		{"the youngest", 0, false, 202500 * time.Millisecond},
		{"one in the middle has the mean", 5 * time.Minute, false, 135 * time.Second},
		{"the oldest", 10 * time.Minute, false, 75 * time.Second},
		{"a young one whose deadline is near", 0, true, 67500 * time.Millisecond},
	} {
		if got := s.pause(c.age, now, c.urgent, first, last); got != c.want {
			t.Errorf("%s: %s, want %s", c.why, got, c.want)
		}
	}
	if got := (share{closed: 1, mean: now.Add(-time.Minute), status: time.Minute}).pause(time.Minute, now, false, first, last); got != 54*time.Second {
		t.Errorf("one alone: %s", got)
	}
}

// Fifty sessions at once that KSeF takes three hours for: what they ask for in all stays within the allowance by itself, all of them are asked, and none is forgotten for long.
func TestPause_FiftySessionsForHours_AskWithinTheAllowance_AndNoneIsForgotten(t *testing.T) {
	start := warsaw(t, "2026-11-23 08:00:00 +01:00")
	now := start
	store := ratelimit.NewMemory(func() time.Time { return now })
	limits := ratelimit.Defaults()[ratelimit.GroupSessionMisc]
	key := ratelimit.Key{Tenant: "5265877635", Group: ratelimit.GroupSessionMisc}
	const sessions, hours = 50, 3
	next, looks, longest := make([]time.Time, sessions), make([]int, sessions), time.Duration(0)
	lastLook := make([]time.Time, sessions)
	for i := range next {
		next[i], lastLook[i] = start, start
	}
	asked, sentAway := 0, 0
	for ; now.Before(start.Add(hours * time.Hour)); now = now.Add(time.Second) {
		u, err := store.Usage(t.Context(), key, limits)
		if err != nil {
			t.Fatal(err)
		}
		s := share{closed: sessions, mean: start, status: u.Pace()}
		for i := range next {
			if next[i].After(now) {
				continue
			}
			_, err := store.Book(t.Context(), ratelimit.Request{Key: key, Limits: limits, Margin: ratelimit.DefaultMargin, Reserve: 1, Ticket: fmt.Sprint(i)})
			if later, ok := errors.AsType[*ratelimit.NotNow](err); ok {
				sentAway++
				next[i] = now.Add(later.Wait)
				continue
			}
			asked++
			looks[i]++
			longest, lastLook[i] = max(longest, now.Sub(lastLook[i])), now
			next[i] = now.Add(s.pause(now.Sub(start), now, false, first, 20*time.Second))
		}
	}
	least, most := looks[0], looks[0]
	for _, n := range looks {
		least, most = min(least, n), max(most, n)
	}
	t.Logf("%d looks in %d hours, %d sent away, each session %d to %d times, never more than %s apart", asked, hours, sentAway, least, most, longest)
	if asked > hours*1200 || asked < hours*1200*9/10 || sentAway > asked || longest > 12*time.Minute || most > 2*least {
		t.Error("not as planned")
	}
}

func TestTally_CountsEachTenantsOwn(t *testing.T) {
	now := warsaw(t, "2026-11-23 08:00:00 +01:00")
	got := tally([]ledger.Underway{{Tenant: "a", Since: now}, {Tenant: "a", Since: now.Add(-time.Hour)}, {Tenant: "a", Open: true, Since: now.Add(-2 * time.Hour)}, {Tenant: "b", Since: now}})
	if a, b := got["a"], got["b"]; len(got) != 2 || a.closed != 2 || a.open != 1 || !a.mean.Equal(now.Add(-30*time.Minute)) || b.closed != 1 || !b.mean.Equal(now) {
		t.Errorf("%+v", got)
	}
}
