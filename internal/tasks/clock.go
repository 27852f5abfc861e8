package tasks

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// A worker's machine may have any time. What is in the ledger bears Redis's, and so does what is
// reckoned from it: deadlines, midnights and ages go by this machine's clock less what it is off.
// Two things still go by the machine's own: asynq's schedule, and the dates that enqueue checks.
// That is why a clock that is off is told.

const (
	// clockOff is how far a clock may be off before it is told, and before nothing is pruned on its
	// worker's watch: to forget is what cannot be undone, so two clocks have to agree.
	clockOff = 30 * time.Second
	// clockExact is how far it may be off and is left as it is: the answer's own way takes as long
	// at times.
	clockExact = time.Second
	clockEvery = time.Minute
)

// poolClock is this machine's clock, put right. Safe for concurrent use.
type poolClock struct {
	machine func() time.Time
	skew    atomic.Int64 // how far the machine's is ahead, in nanoseconds
}

func (c *poolClock) now() time.Time {
	now := c.machine()
	if off := time.Duration(c.skew.Load()); off.Abs() >= clockExact {
		return now.Add(-off)
	}
	return now
}

// Skew is how far this machine's clock is ahead of Redis's, as it was found last; 0 before that.
func (w *Worker) Skew() time.Duration { return time.Duration(w.clock.skew.Load()) }

// ClockOff reports a clock that is further off than it may be.
func (w *Worker) ClockOff() bool { return w.Skew().Abs() > clockOff }

// MeasureClock compares this machine's clock with Redis's. The pulse does it once a minute; called
// before anything else runs, it spares the first tasks a wrong time.
func (w *Worker) MeasureClock(ctx context.Context) error {
	began := w.clock.machine()
	at, err := w.Ledger.Clock(ctx)
	if err != nil {
		return err
	}
	took := w.clock.machine().Sub(began)
	if took > clockExact {
		return fmt.Errorf("redis took %s to tell the time", took)
	}
	w.clock.skew.Store(int64(began.Add(took / 2).Sub(at)))
	if w.ClockOff() && w.rarely.due("clock", began) {
		w.o.Log.Warn().Dur("ahead", w.Skew()).
			Msg("this machine's clock is not that of redis: set it (NTP); if all workers say so, it is redis's")
	}
	return nil
}
