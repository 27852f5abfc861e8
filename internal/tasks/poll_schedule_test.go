package tasks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

// first and last are the shortest and the longest pause between two polls of a session.
const first, last = 2 * time.Second, 5 * time.Minute

// sessionMisc is how many polls KSeF allows.
var sessionMisc = ratelimit.Limits{{Limit: 10, Per: time.Second}, {Limit: 120, Per: time.Minute}, {Limit: 1200, Per: time.Hour}}

func TestPause_PlentyLeft_DependsOnTheAgeAlone(t *testing.T) {
	now := warsaw(t, "2026-11-23 12:00:00 +01:00")
	s := share{closed: 50, mean: now.Add(-time.Hour)}
	for _, age := range []time.Duration{0, 10 * time.Second, 10 * time.Minute, time.Hour} {
		if got, want := s.pause(age, now, false, first, last), retry.PollPause(age, first, last); got != want {
			t.Errorf("at the age %s the pause is %s, want %s", age, got, want)
		}
	}
}

func TestPause_LittleLeft_EachHasItsTurnAndOldAndUrgentSessionsMoreOften(t *testing.T) {
	now := warsaw(t, "2026-11-23 12:00:00 +01:00")
	s := share{closed: 50, mean: now.Add(-5 * time.Minute), turn: 150 * time.Second}
	for _, c := range []struct {
		why    string
		age    time.Duration
		urgent bool
		want   time.Duration
	}{
		{"the youngest session", 0, false, 225 * time.Second},
		{"a session of the mean age has the mean pause", 5 * time.Minute, false, 150 * time.Second},
		{"the oldest session", 10 * time.Minute, false, 75 * time.Second},
		{"a young session whose deadline is near", 0, true, 75 * time.Second},
	} {
		if got := s.pause(c.age, now, c.urgent, first, last); got != c.want {
			t.Errorf("%s: the pause is %s, want %s", c.why, got, c.want)
		}
	}
	single := share{closed: 1, mean: now.Add(-time.Minute), turn: time.Minute}
	if got := single.pause(time.Minute, now, false, first, last); got != time.Minute {
		t.Errorf("the pause of the only session is %s, want a minute", got)
	}
}

// pollRun is a run with sessions that KSeF never finishes. It finds out how often asynq, the poll
// schedule and the limiter together let the sessions be polled, on a clock that jumps.
type pollRun struct {
	sessions int
	near     int // how many sessions, from the first on, have a near deadline
	limits   ratelimit.Limits
	margin   time.Duration
	first    time.Duration
	max      time.Duration
	every    time.Duration // between the starts of two sessions
	hours    int
	hour     time.Duration // how long an hour of the run lasts
}

// pollCounts is what a run counted. polls has the number of polls in each hour. wasted is how often
// a task came back and could not poll, divided by the number of polls. longest is the longest time
// between two polls of one session after the first hour.
type pollCounts struct {
	polls   []int
	wasted  float64
	longest time.Duration
	each    []int // polls of each session after the first hour
}

func (c pollRun) run(t *testing.T) pollCounts {
	t.Helper()
	got := pollCounts{polls: make([]int, c.hours), each: make([]int, c.sessions)}
	synctest.Test(t, func(t *testing.T) {
		start, end := time.Now(), time.Now().Add(time.Duration(c.hours)*c.hour)
		limiter, err := ratelimit.New(ratelimit.NewMemory(nil), ratelimit.Options{
			Defaults: map[string]ratelimit.Limits{ratelimit.GroupOther: c.limits}, Margin: c.margin,
		})
		if err != nil {
			t.Fatal(err)
		}
		w := NewWorker(Parts{Budget: limited{limiter}}, Options{
			ConfirmFirst: c.first, ConfirmMax: c.max, DeadlineNear: time.Hour, Now: time.Now,
		})
		var mu sync.Mutex
		began := make([]time.Time, c.sessions)
		asked, total := 0, 0
		var wg sync.WaitGroup
		wg.Go(func() {
			for time.Now().Before(end) {
				mu.Lock()
				var under []ledger.Underway
				for i, at := range began {
					if !at.IsZero() {
						under = append(under, ledger.Underway{Tenant: nip, Since: at, Deadline: c.deadline(i, start)})
					}
				}
				mu.Unlock()
				if err := w.polls.apportion(t.Context(), tally(under, w.urgent), time.Now()); err != nil {
					t.Error(err)
				}
				time.Sleep(pulseEvery)
			}
		})
		for i := range c.sessions {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * c.every)
				closed := time.Now()
				mu.Lock()
				began[i] = closed
				mu.Unlock()
				p := &ledger.Package{Tenant: nip, Lane: ledger.Bulk, ClosingAt: ledger.At(closed), Deadline: c.deadline(i, start)}
				last := closed
				for n := 0; time.Now().Before(end); n++ {
					ctx := ratelimit.With(w.rank(t.Context(), p), ratelimit.Ticket(fmt.Sprint(i)))
					err := limiter.Wait(ctx, nip, ratelimit.GroupSessionMisc)
					now := time.Now()
					mu.Lock()
					asked++
					if err == nil && now.Before(end) {
						total++
						got.polls[int(now.Sub(start)/c.hour)]++
						if now.Sub(start) > c.hour {
							got.longest = max(got.longest, now.Sub(last))
							got.each[i]++
						}
						last = now
					}
					mu.Unlock()
					if err == nil {
						err = w.polls.pollLater(p, "150")
					}
					again, _ := errors.AsType[*retry.LaterError](err)
					if again != nil && again.Exact && again.Delay <= exactWithin {
						// The alarm is exact. An idle worker looks for tasks five times a second.
						time.Sleep(again.Delay + time.Duration((i*37+n*53)%200)*time.Millisecond)
						continue
					}
					// asynq brings a task back on a whole second, up to one and a half seconds
					// late.
					at := now.Add(retry.Delay(n, err, nil)).Truncate(time.Second)
					time.Sleep(time.Until(at) + time.Duration((i*37+n*53)%1500)*time.Millisecond)
				}
			})
		}
		wg.Wait()
		got.wasted = float64(asked-total) / float64(total)
	})
	return got
}

// deadline returns the deadline of session i. A near deadline is the beginning of the run, and any
// other is long after the run.
func (c pollRun) deadline(i int, start time.Time) ledger.Millis {
	if i < c.near {
		return ledger.At(start)
	}
	return ledger.At(start.Add(1000 * time.Hour))
}

const nip = "5265877635"

// limited is a budget over a limiter.
type limited struct{ *ratelimit.Limiter }

func (l limited) Peek(ctx context.Context, tenant, group string) (time.Duration, error) {
	return l.Limiter.Peek(ctx, tenant, group)
}

func (l limited) Join(ctx context.Context, tenant, group string) error {
	return l.Limiter.Join(ctx, tenant, group)
}

func (limited) Pause(context.Context, string, time.Duration) error    { return nil }
func (limited) Down(context.Context, string, ...string) (bool, error) { return false, nil }

// All runs but the last have the settings of production. The last run has the settings of the
// bench, where an hour is a minute. In the first hour it is not known yet how long KSeF takes, and
// young sessions are polled often. From the second hour on the allowance is used, except the one
// percent that is kept for urgent polls.
func TestPolls_SessionsInProcessingForHours_UseTheAllowanceAndNoneIsForgotten(t *testing.T) {
	t.Parallel()
	hourly := sessionMisc
	fifty := pollRun{
		sessions: 50, limits: hourly, margin: ratelimit.DefaultMargin, first: 2 * time.Second, max: 2 * time.Minute,
		every: time.Second, hours: 3, hour: time.Hour,
	}
	trickle, many, scaled := fifty, fifty, fifty
	trickle.every = time.Minute
	many.sessions, many.every = 200, 15*time.Second
	scaled.limits, scaled.margin, scaled.hour = hourly.Scaled(1.0/60), 400*time.Millisecond, time.Minute
	scaled.first, scaled.max = 100*time.Millisecond, time.Second
	for _, c := range []struct {
		why string
		pollRun
		longest time.Duration // the bound; at best, a round of 50 sessions takes 150 s and a round of 200 takes 600 s
	}{
		{"fifty at once", fifty, 8 * time.Minute},
		{"one each minute", trickle, 10 * time.Minute},
		{"two hundred", many, 35 * time.Minute},
		{"an hour is a minute", scaled, 8 * time.Second},
	} {
		got := c.run(t)
		t.Logf("%s: polls %v of 1200, %.2f returns without a poll for each, "+
			"each session %d to %d times after the first hour, at most %s apart",
			c.why, got.polls, got.wasted, slices.Min(got.each), slices.Max(got.each), got.longest)
		for _, n := range got.polls[1:] {
			if n > 1200 || n < 1200*97/100 {
				t.Errorf("%s: %d polls in an hour, want nearly all of the 1,200 that are allowed", c.why, n)
			}
		}
		if got.wasted > 1 || got.longest > c.longest || slices.Max(got.each) > 2*slices.Min(got.each) {
			t.Errorf("%s: %.2f returns without a poll for each poll, want at most 1; polls of one session at most %s apart, want %s; "+
				"%d to %d polls of each session, want at most twice as many of one as of another",
				c.why, got.wasted, got.longest, c.longest, slices.Min(got.each), slices.Max(got.each))
		}
	}
}

func TestPolls_SomeDeadlinesAreNear_PolledMoreOftenAndTheOthersToo(t *testing.T) {
	t.Parallel()
	for _, near := range []int{2, 10, 25, 50} {
		got := pollRun{sessions: 50, near: near, limits: sessionMisc, margin: ratelimit.DefaultMargin,
			first: 2 * time.Second, max: 2 * time.Minute, every: time.Second, hours: 2, hour: time.Hour}.run(t)
		mean := func(polls []int) float64 {
			sum := 0
			for _, n := range polls {
				sum += n
			}
			return float64(sum) / float64(len(polls))
		}
		urgent, rest := mean(got.each[:near]), mean(got.each[near:])
		t.Logf("%d of 50 deadlines near: polls %v of 1200, each of these sessions %.0f times, each of the others %.0f times",
			near, got.polls, urgent, rest)
		if near < 50 && (urgent < 1.2*rest || urgent > 3*rest) {
			t.Errorf("%d of 50 deadlines near: polled %.0f times, the other sessions %.0f times, want 1.2 to 3 times as many polls",
				near, urgent, rest)
		}
		for _, n := range got.polls[1:] {
			if n > 1200 || n < 1200*97/100 {
				t.Errorf("%d of 50 deadlines near: %d polls in an hour, want nearly all of the 1,200 that are allowed", near, n)
			}
		}
	}
}

func TestTally_SeveralTenants_EachIsCountedAlone(t *testing.T) {
	now := warsaw(t, "2026-11-23 08:00:00 +01:00")
	got := tally([]ledger.Underway{
		{Tenant: "a", Since: now},
		{Tenant: "a", Since: now.Add(-time.Hour)},
		{Tenant: "a", Since: now.Add(-2 * time.Hour), Open: true},
		{Tenant: "b", Since: now, Deadline: 1},
	}, func(deadline ledger.Millis) bool { return deadline == 1 })
	want := map[string]share{
		"a": {closed: 2, open: 1, mean: now.Add(-30 * time.Minute)},
		"b": {closed: 1, urgent: 1, mean: now},
	}
	if !maps.Equal(got, want) {
		t.Errorf("the shares are %+v, want %+v", got, want)
	}
}
