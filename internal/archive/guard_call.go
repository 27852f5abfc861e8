package archive

import (
	"context"
	"fmt"
	"time"
)

// returnGrace is how long a call may take to return after its time is up, before it is left behind.
const returnGrace = 100 * time.Millisecond

// call runs f and leaves it behind when its time limit or ctx ends first.
func (g *guard) call(ctx context.Context, what, key string, limit time.Duration, f func(context.Context) error) error {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	clock := &clock{limit: limit, timer: time.AfterFunc(limit, func() {
		cancel(fmt.Errorf("%s: %w (%s)", what, errNoAnswer, limit.Round(time.Millisecond)))
	})}
	defer clock.timer.Stop()
	if err := g.begin(inner, what, key); err != nil {
		return err
	}
	// Both are guarded by mu, so that only one side decides whether the call was left behind.
	var returned, left bool
	done := make(chan error, 1)
	go func() {
		err := f(context.WithValue(inner, clockKey{}, clock))
		g.mu.Lock()
		if returned = true; left {
			g.stuck--
			if g.left[key]--; g.left[key] == 0 {
				delete(g.left, key)
			}
		}
		g.mu.Unlock()
		<-g.slots
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil && inner.Err() != nil {
			return context.Cause(inner) // err says only that the call was canceled; the cause says why
		}
		return err
	case <-inner.Done():
	}
	// A back end that obeys its context returns at once and does not count as stuck.
	grace := time.NewTimer(returnGrace)
	defer grace.Stop()
	select {
	case <-done:
		return context.Cause(inner)
	case <-grace.C:
	}
	g.mu.Lock()
	if left = !returned; left {
		g.stuck++
		g.left[key]++
	}
	g.mu.Unlock()
	return context.Cause(inner)
}

// begin takes a slot for a call. It returns an error at once when an earlier call for the same name
// hangs, or when stuck calls hold all slots.
func (g *guard) begin(ctx context.Context, what, key string) error {
	g.mu.Lock()
	hangs, stuck := g.left[key], g.stuck
	g.mu.Unlock()
	switch {
	case hangs > 0:
		return fmt.Errorf("%s: %w", what, errHangs)
	case stuck >= maxCalls:
		return fmt.Errorf("%s: %w: no new call is started, because too many hang: %d; "+
			"if the archive works again, restart this process", what, errNoAnswer, stuck)
	}
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// clock is the time limit of one call. A back end that learns the size of an object extends it with
// allow.
type clock struct {
	limit time.Duration
	timer *time.Timer
}

type clockKey struct{}

// allow extends the time limit of the running call so that this many bytes can be moved.
func allow(ctx context.Context, bytes int64) {
	if c, ok := ctx.Value(clockKey{}).(*clock); ok && bytes > 0 {
		c.timer.Reset(c.limit + perByte(bytes, minBytesPerSecond))
	}
}
