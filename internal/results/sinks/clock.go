package sinks

import (
	"context"
	"time"

	"ksefworker/internal/ledger"
)

// The times of a receiver are times of Redis's clock, because the processes of the pool take turns
// in serving the receiver. A process whose own clock is wrong would end pauses early, or write
// pauses that last for days.
//
// Two steps cannot be undone: giving a result up, and dropping results because of their age.
// Redis's clock or this machine's may be wrong, so for these steps the two clocks have to agree.

// maxSkew is how far the clock of this machine may be from Redis's when something is given up or
// dropped.
const maxSkew = 30 * time.Second

// Clock reads the time of the pool, and compares this machine's clock with it.
type Clock struct {
	Pool    func(context.Context) (time.Time, error) // usually [ledger.Ledger.Clock]
	Machine func() time.Time                         // nil is this machine's clock
}

// Read returns the time of the pool. It also reports whether this machine's clock agrees.
func (c Clock) Read(ctx context.Context) (now time.Time, agreed bool, err error) {
	before := c.machine()
	if now, err = c.Pool(ctx); err != nil {
		return time.Time{}, false, err
	}
	return now, before.Sub(now) <= maxSkew && now.Sub(c.machine()) <= maxSkew, nil
}

func (c Clock) machine() time.Time {
	if c.Machine == nil {
		return time.Now()
	}
	return c.Machine()
}

// maxAhead is longer than any pause that a receiver is given. A time that is further ahead was
// written by a clock that was wrong. That clock may even have been Redis's own, before a failover.
const maxAhead = maxAfter + maxSkew

// Pauses reports whether a pause that ends at until still goes on at now. A pause that would end
// more than maxAhead from now counts as over.
func Pauses(until ledger.Millis, now time.Time) bool {
	left := until.Time().Sub(now)
	return left > 0 && left <= maxAhead
}

// notAfter returns the time at which something began. A beginning in the future was written by a
// clock that was wrong, and becomes now.
func notAfter(began ledger.Millis, now time.Time) ledger.Millis { return min(began, ledger.At(now)) }
