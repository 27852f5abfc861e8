package app

import (
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/retry"
)

// A process that cannot work for a tenant hands its tasks over to another worker. While there is no
// other worker, the process takes the same tasks again and again. The pauses limit all tasks
// together to handOversASecond, and no task waits much longer than this limit requires.
func TestHandOver_FewTasksOrMany_EachWaitsForThoseBeforeIt(t *testing.T) {
	for _, tasks := range []int{1, 10, 100, 2000} {
		now := time.Unix(1_800_000_000, 0)
		f := newLocalFaults(config.Config{}, func() time.Time { return now }, zerolog.Nop())
		back := make([]time.Time, tasks) // when each task is taken again
		taken, longest := 0, time.Duration(0)
		const lasts, tick = 120 * time.Second, 200 * time.Millisecond // the queue looks for tasks each tick
		for end := now.Add(lasts); now.Before(end); now = now.Add(tick) {
			for i := range back {
				if back[i].After(now) {
					continue
				}
				taken++
				d := f.delay("a")
				longest = max(longest, d)
				back[i] = now.Add(d)
			}
		}
		// A task whose turn is at most a second away gets only a short pause (retry.HandOver). When
		// it comes back, it is given a later turn. So a task may wait for two seconds longer than
		// its first turn says.
		fair := max(2*time.Second, time.Duration(tasks)*time.Second/handOversASecond+2*time.Second)
		if longest > min(fair, handOverAtMost) {
			t.Errorf("%d tasks: one waits %v, want at most %v", tasks, longest, min(fair, handOverAtMost))
		}
		most := max(tasks*int(lasts/handOverAtMost+1), int(lasts.Seconds())*handOversASecond) + tasks + 2*handOversASecond
		if taken > most {
			t.Errorf("%d tasks are taken %d times in %v, want at most %d", tasks, taken, lasts, most)
		}
	}
}

func TestHandOver_ClockIsSetBack_TasksDoNotWait(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	f := newLocalFaults(config.Config{}, func() time.Time { return now }, zerolog.Nop())
	f.delay("a")
	now = now.Add(-24 * time.Hour)
	if d := f.delay("a"); d != retry.HandOver {
		t.Errorf("the delay is %v after the clock was set back, want %v", d, retry.HandOver)
	}
}

func TestHandOver_ManyTasksOfATenant_DoNotDelayAnother(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	f := newLocalFaults(config.Config{}, func() time.Time { return now }, zerolog.Nop())
	for range 1000 {
		f.delay("a")
	}
	if d := f.delay("b"); d != retry.HandOver {
		t.Errorf("a task of the second tenant waits %v, want %v", d, retry.HandOver)
	}
}
