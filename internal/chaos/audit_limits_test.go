//go:build unix

package chaos

import (
	"slices"
	"testing"
	"time"

	"ksefworker/internal/simulator"
)

// Without a failover, a request that overruns a window is never excused. A request during a block
// is excused if it comes within a second of the moment when the simulator ordered the block. It is
// excused for up to five seconds if a worker was killed shortly before the request.
func TestCheckLimits_OnlyWhatNoClientCanAvoid_IsExcused(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		why     string
		window  string
		after   time.Duration   // from the order to the request
		moments []time.Duration // from the order to a kill of a worker
		excused bool
	}{
		{"a window overrun is never excused", "minute", 100 * time.Millisecond, []time.Duration{0}, false},
		{"the request was under way when the block was ordered", "block", 500 * time.Millisecond, nil, true},
		{"two seconds after the order every worker knows the block", "block", 2 * time.Second, nil, false},
		{"two seconds after the order, but a worker was killed before the request", "block", 2 * time.Second,
			[]time.Duration{100 * time.Millisecond}, true},
		{"a kill after the request excuses nothing", "block", 2 * time.Second, []time.Duration{3 * time.Second}, false},
		{"a minute after the order every worker knows the block", "block", time.Minute, nil, false},
	} {
		r := &run{simLog: &simulatorLog{blocks: []time.Time{now}}}
		for _, m := range c.moments {
			r.moments = append(r.moments, now.Add(m))
		}
		v := simulator.Violation{Window: c.window, At: now.Add(c.after)}
		var f Figures
		if errs := (&auditor{r}).checkLimits(&f, []simulator.Violation{v}); (len(errs) == 0) != c.excused || f.Overrun != len(errs) {
			t.Errorf("%s: the overrun is excused: %v, want %v; the check reports %v and counts %d overruns",
				c.why, len(errs) == 0, c.excused, errs, f.Overrun)
		}
	}
}
func TestCheckLimits_AfterAFailover_OneWindowIsExcused(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		window   string
		after    time.Duration
		reported bool
	}{
		{"minute", 500 * time.Millisecond, false},
		{"hour", 50 * time.Second, false},
		{"minute", 10 * time.Second, true},
		{"hour", 70 * time.Second, true},
		{"hour", -time.Second, true},
	} {
		r := &run{simLog: &simulatorLog{}, failovers: []time.Time{now}}
		var f Figures
		errs := (&auditor{r}).checkLimits(&f, []simulator.Violation{{Window: c.window, At: now.Add(c.after)}})
		if (len(errs) == 1) != c.reported || f.Overbooked+f.Overrun != 1 {
			t.Errorf("an overrun of the %s window, %v after a failover, is reported: %v, want %v; the check reports %v and counts %d excused, %d not",
				c.window, c.after, len(errs) == 1, c.reported, errs, f.Overbooked, f.Overrun)
		}
	}
	r := &run{simLog: &simulatorLog{}, failovers: []time.Time{now}}
	var f Figures
	many := slices.Repeat([]simulator.Violation{{Window: "hour", At: now.Add(time.Second)}}, 20)
	if errs := (&auditor{r}).checkLimits(&f, many); len(errs) == 0 {
		t.Error("all of twenty overruns after one failover are excused, want some reported, because a failover loses only a few bookings")
	}
}
