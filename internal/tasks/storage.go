package tasks

import (
	"context"
	"sync"
	"time"

	"ksefworker/internal/retry"
)

const (
	// storageFirst and storageLast bound the pauses of a task that needs a key which this process has
	// not got: any worker may take it up next, so the first are short.
	storageFirst = 2 * time.Second
	storageLast  = 30 * time.Second
	// storageFresh is how long a process that met such a document is not ready. What waits for the key
	// comes back more often than that.
	storageFresh = 2 * time.Minute
)

// storage remembers that this process could not open documents which others can. Safe for concurrent use.
type storage struct {
	mu          sync.Mutex
	since, last time.Time
	why         string
}

// meets notes one more, and returns the pause until its task should come back.
func (s *storage) meets(now time.Time, why string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.last) > storageFresh {
		s.since = now
	}
	s.last, s.why = now, why
	return retry.Age(now.Sub(s.since), storageFirst, storageLast)
}

// StorageFault says what this process could not open lately although another one may; "" is nothing.
func (w *Worker) StorageFault() string {
	w.storage.mu.Lock()
	defer w.storage.mu.Unlock()
	if w.storage.last.IsZero() || w.o.Now().Sub(w.storage.last) > storageFresh {
		return ""
	}
	return w.storage.why
}

// unopened says whose fault it is that a stored document does not open. A document that is damaged is
// an [*errDocument]. One that was sealed with a key which this process has not got, or by a newer
// build, is whole: its task goes back, so that another worker takes it, and this process is not ready.
func (w *Worker) unopened(ctx context.Context, id string, err error) error {
	seals, unknown := w.Ledger.Seals(ctx)
	if unknown != nil {
		return unknown
	}
	if !seals.Elsewhere(w.Bodies, err) {
		return &errDocument{id, err.Error()}
	}
	pause := w.storage.meets(w.o.Now(), err.Error())
	w.warn(ctx, "open stored documents here, left to other workers", err)
	return &retry.LaterError{Delay: pause, Reason: retry.ReasonStorage, What: "a worker that can open its document has to take it", Err: err}
}
