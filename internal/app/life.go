package app

import (
	"context"
	"errors"
	"sync"
)

// errStopAsked is why the context of a run ends when [Worker.Stop] was called.
var errStopAsked = errors.New("the worker was asked to stop")

// life is how far a worker has come: made, running, over. Safe for concurrent use.
type life struct {
	over chan struct{} // closed when everything is closed

	mu      sync.Mutex
	begun   bool
	stopped bool
	cancel  context.CancelCauseFunc
	err     error
}

func newLife() life { return life{over: make(chan struct{}), cancel: func(error) {}} }

// begin returns the context of the run; false when the worker was stopped before.
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

// end says that the run is over and everything closed.
func (l *life) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel(nil)
	l.err = err
	close(l.over)
}

// stop asks for the end. first is true for the one call that has to close what never ran.
func (l *life) stop() (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first = !l.stopped && !l.begun
	l.stopped = true
	l.cancel(errStopAsked)
	return first
}

// Stop ends the worker as the end of the context of [Worker.Run] does, waits until everything is
// closed, and returns what Run returns. It may be called at any time, also before Run and again.
// When ctx ends first, it returns the cause of that, and the worker goes on stopping.
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
