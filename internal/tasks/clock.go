package tasks

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// The clock of a worker's machine may be wrong. The times in the ledger are Redis's. Deadlines,
// midnights and ages go by Redis's time too, because the worker corrects this machine's clock by
// its skew. The times at which tasks return are corrected where they are written (see
// queue.Guarded), and the times at which results are handed to their receivers are times of Redis's
// clock (see sinks.Clock). Only asynq's leases and the dates that enqueue checks still use the
// machine's own clock. That is why the worker reports a clock that is off.

const (
	// clockOff is how far a clock may be off before the worker reports it and stops pruning.
	// Pruning cannot be undone, so the clocks of this machine and of Redis have to agree before it.
	clockOff = 30 * time.Second
	// clockExact is how far a clock may be off without being corrected. It is a second, because the
	// answer of Redis itself sometimes takes as long.
	clockExact = time.Second
	// clockEvery is how often the clocks are compared.
	clockEvery = time.Minute
)

// poolClock is this machine's clock, corrected to Redis's. It is safe for concurrent use.
type poolClock struct {
	machine func() time.Time
	skew    atomic.Int64 // how far the machine's clock is ahead, in nanoseconds
}

func (c *poolClock) now() time.Time {
	now := c.machine()
	if off := time.Duration(c.skew.Load()); off.Abs() >= clockExact {
		return now.Add(-off)
	}
	return now
}

// Now returns the time by this machine's clock, corrected to Redis's.
func (c *core) Now() time.Time { return c.clock.now() }

// Skew returns how far this machine's clock is ahead of Redis's by the last measurement. It is 0
// before the first measurement.
func (c *core) Skew() time.Duration { return time.Duration(c.clock.skew.Load()) }

// ClockOff reports whether this machine's clock is further off than it may be.
func (c *core) ClockOff() bool { return c.Skew().Abs() > clockOff }

// MeasureClock compares this machine's clock with Redis's. The pulse calls it once a minute. It is
// also called when a worker starts, so that the first tasks do not go by a wrong time.
func (c *core) MeasureClock(ctx context.Context) error {
	began := c.clock.machine()
	at, err := c.Ledger.Clock(ctx)
	if err != nil {
		return err
	}
	took := c.clock.machine().Sub(began)
	if took > clockExact {
		return fmt.Errorf("redis took %s to tell the time", took)
	}
	c.clock.skew.Store(int64(began.Add(took / 2).Sub(at)))
	if c.ClockOff() && c.rarely.due("clock", began) {
		c.o.Log.Warn().Stringer("ahead", c.Skew().Round(time.Millisecond)).
			Msg("this machine's clock differs from redis's: set it (NTP); if all workers say so, redis's clock is the wrong one")
	}
	return nil
}
