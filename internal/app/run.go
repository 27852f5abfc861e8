package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Run works until ctx ends, [Worker.Stop] is called or the HTTP server fails. Then no new task
// begins, and running tasks have worker.shutdown_timeout to end. Online sessions are closed, which
// may take closeTimeout more. Tasks that have not ended by then continue in another worker. Run
// returns nil after a stop that was asked for, unless something could not be closed. If Stop was
// called before Run, Run returns nil at once. Run may be called only once.
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
	// These loops go on after ctx ends, so that the stop does not interrupt the calls that they
	// have under way.
	work, cancelWork := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelWork()
	stopLoops := make(chan struct{})
	var loops sync.WaitGroup
	loops.Go(func() { w.worker.Pulse(work, stopLoops) })
	loops.Go(func() { w.limits.pay(work, stopLoops) })
	loops.Go(func() { tidySpool(work, spoolEvery, stopLoops, w.spool, w.log) })
	loops.Go(func() { w.watchMemory(work, stopLoops) })
	loops.Go(func() { w.redis.run(work, stopLoops) })
	loops.Go(func() { w.queues.run(work, stopLoops) })
	loops.Go(func() { w.unserved.run(work, stopLoops) })
	loops.Go(func() { w.told.run(work, stopLoops) })
	loops.Go(func() { w.expiries.run(work, stopLoops) })
	loops.Go(func() { w.results.run(work, stopLoops) })
	w.logStart(work)

	var cause error
	select {
	case <-ctx.Done():
	case cause = <-failed:
	}
	w.stopping.Store(true)
	within := w.pool.Config.Worker.ShutdownTimeout
	w.log.Info().Stringer("within", within.Round(time.Millisecond)).Msg("worker stops")
	last, cancel := context.WithTimeout(work, within+closeTimeout)
	defer cancel()
	w.worker.Retire()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		w.server.Stop()
		w.server.Shutdown()
		close(stopLoops)
		loops.Wait()
	}()
	select {
	case <-drained:
	case <-last.Done():
		// A Redis that does not answer must not keep the process running. Each of the queue's dozen
		// loops would wait for its own timeout, one after the other. So the loops are left running,
		// as in a crash. Their connections stay open, because the queue's subscriber would panic
		// (on a nil message) if they were closed.
		w.log.Warn().Msg("the shutdown time has passed and the queue has not stopped, most likely because redis does not answer: " +
			"what is left of this worker is abandoned as in a crash, the other workers take over")
		return errors.Join(cause, w.pages.close(ctx))
	}
	if err := w.worker.Stop(last); err != nil {
		w.log.Warn().Err(err).Msg("online sessions left to the other workers")
	}
	w.clients.close(last)
	return errors.Join(cause, w.close(ctx))
}

// closeTimeout is the time, after worker.shutdown_timeout, for closing the last online sessions and
// for calls to a Redis that does not answer.
const closeTimeout = 5 * time.Second

// close closes the pages and then the pool's connections.
func (w *Worker) close(ctx context.Context) error {
	return errors.Join(w.pages.close(ctx), w.pool.Close())
}
