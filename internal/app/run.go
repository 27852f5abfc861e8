package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"ksefworker/internal/pack"
)

// spoolAge is how old a package's leftover must be to be removed at start: older than any upload may take.
const spoolAge = 18 * time.Hour

// Run works until ctx ends or [Worker.Stop] is called, then stops within worker.shutdown_timeout: no
// new task begins, running ones get that long, online sessions are closed. What is not done by then
// goes on in another worker. It returns nil after a stop that was asked for, also one from before
// Run. It may be called once.
func (w *Worker) Run(ctx context.Context) error {
	ctx, begun := w.life.begin(ctx)
	if !begun {
		return nil
	}
	err := w.run(ctx)
	w.life.end(err)
	return err
}

func (w *Worker) run(ctx context.Context) error {
	if err := pack.SweepSpool(w.spool, spoolAge); err != nil {
		w.log.Warn().Err(err).Msg("old spool files not removed")
	}
	failed := make(chan error, 1)
	if w.http != nil {
		go func() {
			serve := w.http.Serve
			if w.http.TLSConfig != nil {
				serve = func(l net.Listener) error { return w.http.ServeTLS(l, "", "") }
			}
			if err := serve(w.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve http: %w", err)
			}
		}()
	}
	if err := w.server.Start(w.worker.Mux()); err != nil {
		return errors.Join(fmt.Errorf("start the queue's server: %w", err), w.close(ctx))
	}
	// Neither ends with ctx: what they have under way when the stop is asked for is not cut.
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	stopPulse := make(chan struct{})
	var pulsed sync.WaitGroup
	pulsed.Go(func() { w.worker.Pulse(work, stopPulse) })
	pulsed.Go(func() { w.limits.pay(work, stopPulse) })
	pulsed.Go(func() { w.watchMemory(work, stopPulse) })
	pulsed.Go(func() { w.redis.run(work, stopPulse) })
	pulsed.Go(func() { w.unserved.run(work, stopPulse) })
	w.sayReady(work)

	var cause error
	select {
	case <-ctx.Done():
	case cause = <-failed:
	}
	w.stopping.Store(true)
	within := w.pool.Config.Worker.ShutdownTimeout
	w.log.Info().Dur("within", within).Msg("worker stops")
	last, cancel := context.WithTimeout(work, within+closeTimeout)
	defer cancel()
	w.worker.Retire()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		w.server.Stop()
		w.server.Shutdown()
		close(stopPulse)
		pulsed.Wait()
	}()
	select {
	case <-drained:
	case <-last.Done():
		// A Redis that does not answer must not hold the process up: each of the queue's dozen loops sits out its time-outs, one after the other. They are left behind, as in a
		// crash, and nothing below them is closed: the queue's loops do not survive that (a nil message in its subscriber).
		w.log.Warn().Msg("the time is up and the queue has not stopped, most likely because redis does not answer: left as in a crash, the other workers take over")
		return cause
	}
	if err := w.worker.Stop(last); err != nil {
		w.log.Warn().Err(err).Msg("online sessions left to the other workers")
	}
	return errors.Join(cause, w.close(ctx))
}

// closeTimeout is what closing the last online sessions, and a Redis that does not answer, may take on top of the running tasks.
const closeTimeout = 5 * time.Second

// close closes the pages and then what the pool shares.
func (w *Worker) close(ctx context.Context) error {
	return errors.Join(w.pages.close(ctx), w.pool.Close())
}
