package tasks

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

const first, last = 2 * time.Second, 5 * time.Minute

// sessionMisc is what KSeF allows of polls.
var sessionMisc = ratelimit.Limits{{Limit: 10, Per: time.Second}, {Limit: 120, Per: time.Minute}, {Limit: 1200, Per: time.Hour}}

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
	s := share{closed: 50, mean: now.Add(-5 * time.Minute), turn: 150 * time.Second}
	for _, c := range []struct {
		why    string
		age    time.Duration
		urgent bool
		want   time.Duration
	}{
		{"the youngest", 0, false, 225 * time.Second},
		{"one in the middle has the mean", 5 * time.Minute, false, 150 * time.Second},
		{"the oldest", 10 * time.Minute, false, 75 * time.Second},
		{"a young one whose deadline is near", 0, true, 75 * time.Second},
	} {
		if got := s.pause(c.age, now, c.urgent, first, last); got != c.want {
			t.Errorf("%s: %s, want %s", c.why, got, c.want)
		}
	}
	if got := (share{
		closed: 1, mean: now.Add(-time.Minute), turn: time.Minute,
	}).pause(time.Minute, now, false, first, last); got != time.Minute {
		t.Errorf("one alone: %s", got)
	}
}

// watched is one run of sessions that KSeF takes for ever over: what asynq, the plan and the
// limiter make of them together, on a clock that jumps.
type pollRun struct {
	sessions int
	near     int // of them, whose deadline is near: the first ones
	limits   ratelimit.Limits
	margin   time.Duration
	first    time.Duration
	max      time.Duration
	every    time.Duration // between two that begin
	hours    int
	hour     time.Duration
}

// seen is what came of it, by hour: looks in each, returns in vain for each look, and for the hours
// after the first the longest that a session was not looked at.
type pollCounts struct {
	polls   []int
	wasted  float64
	longest time.Duration
	each    []int // looks at each session after the first hour
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
					// As asynq brings a task back: on whole seconds, and then up to one and a half
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

// deadline is before the run begins, or long after it.
func (c pollRun) deadline(i int, start time.Time) ledger.Millis {
	if i < c.near {
		return ledger.At(start)
	}
	return ledger.At(start.Add(1000 * time.Hour))
}

const nip = "5265877635"

// limited is the budget over a limiter.
type limited struct{ *ratelimit.Limiter }

func (l limited) Peek(ctx context.Context, tenant, group string) (time.Duration, error) {
	return l.Limiter.Peek(ctx, tenant, group)
}

func (l limited) Join(ctx context.Context, tenant, group string) error {
	return l.Limiter.Join(ctx, tenant, group)
}

func (limited) Pause(context.Context, string, time.Duration) error    { return nil }
func (limited) Down(context.Context, string, ...string) (bool, error) { return false, nil }

// At the settings of production, and at the scale of the bench. In the first hour nobody knows yet
// how long KSeF takes, and the looks at young sessions are many; from the second on the allowance
// is used but for what is kept for urgent looks, a hundredth.
func TestLooks_SessionsThatKSeFTakesHoursFor_UseWhatIsAllowedAndNoneIsForgotten(t *testing.T) {
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
		longest time.Duration // a round of fifty takes 150 s at best, of two hundred ten minutes
	}{
		{"fifty at once", fifty, 8 * time.Minute},
		{"one each minute", trickle, 10 * time.Minute},
		{"two hundred", many, 35 * time.Minute},
		{"an hour is a minute", scaled, 8 * time.Second},
	} {
		got := c.run(t)
		t.Logf("%s: looks %v of 1200, %.2f returns in vain for each, each session %d to %d times after the first hour, never more than %s apart",
			c.why, got.polls, got.wasted, slices.Min(got.each), slices.Max(got.each), got.longest)
		for _, n := range got.polls[1:] {
			if n > 1200 || n < 1200*97/100 {
				t.Errorf("%s: %d looks in an hour of 1,200", c.why, n)
			}
		}
		if got.wasted > 1 || got.longest > c.longest || slices.Max(got.each) > 2*slices.Min(got.each) {
			t.Errorf("%s: not as planned", c.why)
		}
	}
}

func TestLooks_SomeDeadlinesAreNear_TheyAreAskedMoreOften_AndTheOthersStill(t *testing.T) {
	t.Parallel()
	for _, near := range []int{2, 10, 25, 50} {
		got := pollRun{sessions: 50, near: near, limits: sessionMisc, margin: ratelimit.DefaultMargin,
			first: 2 * time.Second, max: 2 * time.Minute, every: time.Second, hours: 2, hour: time.Hour}.run(t)
		mean := func(looks []int) float64 {
			sum := 0
			for _, n := range looks {
				sum += n
			}
			return float64(sum) / float64(len(looks))
		}
		urgent, rest := mean(got.each[:near]), mean(got.each[near:])
		t.Logf("%d of 50 near: looks %v of 1200, each of them %.0f times, of the others %.0f", near, got.polls, urgent, rest)
		if near < 50 && (urgent < 1.2*rest || urgent > 3*rest) {
			t.Errorf("%d of 50 near: asked %.0f times, the others %.0f", near, urgent, rest)
		}
		for _, n := range got.polls[1:] {
			if n > 1200 || n < 1200*97/100 {
				t.Errorf("%d of 50 near: %d looks in an hour of 1,200", near, n)
			}
		}
	}
}

func TestTally_CountsEachTenantsOwn(t *testing.T) {
	now := warsaw(t, "2026-11-23 08:00:00 +01:00")
	got := tally([]ledger.Underway{{
		Tenant: "a", Since: now,
	}, {
		Tenant: "a", Since: now.Add(-time.Hour),
	}, {Tenant: "a", Open: true, Since: now.Add(-2 * time.Hour)}, {Tenant: "b", Since: now, Deadline: 1}},
		func(deadline ledger.Millis) bool { return deadline == 1 })
	if a, b := got["a"], got["b"]; len(got) != 2 || a.closed != 2 || a.open != 1 || a.urgent != 0 || b.urgent != 1 || !a.mean.Equal(now.Add(-30*time.Minute)) || b.closed != 1 || !b.mean.Equal(now) {
		t.Errorf("%+v", got)
	}
}
