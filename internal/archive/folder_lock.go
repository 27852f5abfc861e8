package archive

import (
	"context"
	"time"
)

// closeTimeout is how long Close waits for a folder that is being opened.
const closeTimeout = time.Second

// lock is a mutex whose waiters stop waiting when their context ends, because its holder may hang
// in the system.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

func (l lock) take(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l lock) free() { <-l }
