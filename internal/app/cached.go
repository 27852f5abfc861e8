package app

import (
	"context"
	"time"
)

// cached keeps the latest value of a read that costs something, because supervisors and scrapers
// ask more often than the value changes. One caller at a time reads. Safe for concurrent use.
type cached[T any] struct {
	read   func(context.Context) (T, error)
	maxAge time.Duration
	now    func() time.Time

	turn chan struct{} // full while a caller reads
	at   time.Time     // when the latest value was read; zero while there is none
	last T
}

func newCached[T any](maxAge time.Duration, now func() time.Time, read func(context.Context) (T, error)) *cached[T] {
	return &cached[T]{read: read, maxAge: maxAge, now: now, turn: make(chan struct{}, 1)}
}

// get returns the latest value while it is younger than maxAge, and a new one after that. An error
// is not kept, so the next caller reads again.
func (c *cached[T]) get(ctx context.Context) (value T, err error) {
	select { // not a mutex, because a readiness check has only seconds and must not wait for a read that hangs
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return value, context.Cause(ctx)
	}
	defer func() { <-c.turn }()
	if !c.at.IsZero() && c.now().Sub(c.at) < c.maxAge {
		return c.last, nil
	}
	if value, err = c.read(ctx); err != nil {
		return value, err
	}
	c.at, c.last = c.now(), value
	return value, nil
}
