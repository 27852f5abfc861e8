package archive

import (
	"context"
	"fmt"
	"time"
)

// returnGrace is how long a call whose time is up may take to come back before it is left behind.
const returnGrace = 100 * time.Millisecond

// call runs f and leaves it behind when patience or ctx ends first.
func (g *guard) call(ctx context.Context, what, key string, patience time.Duration, f func(context.Context) error) error {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	clock := &clock{patience: patience, timer: time.AfterFunc(patience, func() {
		cancel(fmt.Errorf("%s: %w (%s)", what, errNoAnswer, patience.Round(time.Millisecond)))
	})}
	defer clock.timer.Stop()
	if err := g.begin(inner, what, key); err != nil {
		return err
	}
	// Both are guarded by mu: whether it came back is decided once.
	var back, gone bool
	done := make(chan error, 1)
	go func() {
		err := f(context.WithValue(inner, clockKey{}, clock))
		g.mu.Lock()
		if back = true; gone {
			g.stuck--
			if g.left[key]--; g.left[key] == 0 {
				delete(g.left, key)
			}
		}
		g.mu.Unlock()
		<-g.places
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil && inner.Err() != nil {
			return context.Cause(inner) // it obeyed; its own words say only that it was cut off
		}
		return err
	case <-inner.Done():
	}
	// A back end that obeys its context is back in no time, and is not called stuck.
	grace := time.NewTimer(returnGrace)
	defer grace.Stop()
	select {
	case <-done:
		return context.Cause(inner)
	case <-grace.C:
	}
	g.mu.Lock()
	if gone = !back; gone {
		g.stuck++
		g.left[key]++
	}
	g.mu.Unlock()
	return context.Cause(inner)
}

// begin takes a place among the calls that are out. When all of them are stuck, no place will come
// free: that is told at once.
func (g *guard) begin(ctx context.Context, what, key string) error {
	g.mu.Lock()
	hangs, stuck := g.left[key], g.stuck
	g.mu.Unlock()
	switch {
	case hangs > 0:
		return fmt.Errorf("%s: %w", what, errHangs)
	case stuck >= maxCalls:
		return fmt.Errorf("%s: %w: %d calls hang, and no more are begun; "+
			"if the archive works again, restart this process", what, errNoAnswer, stuck)
	}
	select {
	case g.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// clock is the patience of one call. A back end that learns how large an object is asks for more by
// allow.
type clock struct {
	patience time.Duration
	timer    *time.Timer
}

type clockKey struct{}

// allow gives the running call time to move so many bytes.
func allow(ctx context.Context, bytes int64) {
	if c, ok := ctx.Value(clockKey{}).(*clock); ok && bytes > 0 {
		c.timer.Reset(c.patience + perByte(bytes, leastBytesPerSecond))
	}
}
