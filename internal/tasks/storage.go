package tasks

import (
	"context"
	"sync"
	"time"

	"ksefworker/internal/retry"
)

const (
	// storageFirst and storageLast bound the pauses of a task whose document this process cannot
	// open, because it lacks the key or because a newer build sealed the document. Any worker may
	// take the task up next, so the first pauses are short.
	storageFirst = 2 * time.Second
	storageLast  = 30 * time.Second
	// storageFresh is how long a process is not ready after it met a document that it cannot open.
	// It is longer than storageLast, so a process that keeps meeting such documents stays not
	// ready.
	storageFresh = 2 * time.Minute
)

// storage remembers that this process could not open documents which other workers may be able to
// open. Safe for concurrent use.
type storage struct {
	mu          sync.Mutex
	since, last time.Time
	why         string
}

// met notes one more document that this process could not open, and returns the pause until the
// document's task should come back.
func (s *storage) met(now time.Time, why string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.last) > storageFresh {
		s.since = now
	}
	s.last, s.why = now, why
	return retry.PollPause(now.Sub(s.since), storageFirst, storageLast)
}

// StorageFault says why this process lately could not open a document that another worker may be
// able to open. It returns "" when there was no such document within storageFresh.
func (w *Worker) StorageFault() string {
	w.documents.storage.mu.Lock()
	defer w.documents.storage.mu.Unlock()
	if w.documents.storage.last.IsZero() || w.o.Now().Sub(w.documents.storage.last) > storageFresh {
		return ""
	}
	return w.documents.storage.why
}

// unopened says why a stored document does not open. For a damaged document it returns an
// [*errDocument]. A document that was sealed by a newer build, or with a key of the pool that this
// process lacks, is whole. Its task goes back to the queue, so that another worker takes it, and
// this process reports that it is not ready.
func (d *documents) unopened(ctx context.Context, id string, err error) error {
	seals, unknown := d.Ledger.Seals(ctx)
	if unknown != nil {
		return unknown
	}
	if !seals.Elsewhere(d.Bodies, err) {
		return &errDocument{id, err.Error()}
	}
	pause := d.storage.met(d.o.Now(), err.Error())
	d.warn(ctx, "open stored documents here; they are left to other workers", err)
	return &retry.LaterError{Delay: pause, Reason: retry.ReasonStorage,
		What: "this worker cannot open the document, so another one has to take the task", Err: err}
}
