package app

import (
	"context"
	"errors"
	"sync"
)

// errStopAsked is the cause with which the context of a run ends when [Worker.Stop] was called.
var errStopAsked = errors.New("the worker was asked to stop")

// life is the state of a worker: made, running or over. Safe for concurrent use.
type life struct {
	over chan struct{} // closed when everything is closed

	mu      sync.Mutex
	begun   bool
	stopped bool
	cancel  context.CancelCauseFunc
	err     error
}

func newLife() life { return life{over: make(chan struct{}), cancel: func(error) {}} }

// begin returns the context of the run; false when the worker has run or was stopped already.
func (l *life) begin(ctx context.Context) (context.Context, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || l.begun {
		return ctx, false
	}
	l.begun = true
	ctx, l.cancel = context.WithCancelCause(ctx)
	return ctx, true
}

// end reports that the run is over and everything is closed.
func (l *life) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel(nil)
	l.err = err
	close(l.over)
}

// stop asks the run to end. first is true for the one call that must close a worker that never ran.
func (l *life) stop() (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first = !l.stopped && !l.begun
	l.stopped = true
	l.cancel(errStopAsked)
	return first
}

// Stop ends the worker as if the context of [Worker.Run] had ended, waits until everything is
// closed, and returns the error of Run. It may be called at any time, before Run too, and more than
// once. When ctx ends first, Stop returns its cause and the worker continues to stop.
func (w *Worker) Stop(ctx context.Context) error {
	if w.life.stop() {
		w.life.end(w.close(ctx))
	}
	select {
	case <-w.life.over:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	w.life.mu.Lock()
	defer w.life.mu.Unlock()
	return w.life.err
}
