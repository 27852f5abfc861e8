package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	pulseEvery = time.Second
	// beatsInLife is how many beats may fail in a row before a worker is taken for dead. One paused for longer finds its sessions closed and opens new ones.
	beatsInLife = 6
)

// Pulse is each worker's own clock: it says that the worker is alive, closes online sessions, and queues what is due for the whole pool (a cut, a sweep; the task's id
// makes it one). It holds nothing that would be lost with it. It returns when stop is closed, after what it has under way; ctx cuts that off.
func (w *Worker) Pulse(ctx context.Context, stop <-chan struct{}) {
	t := time.NewTicker(pulseEvery)
	defer t.Stop()
	var beat time.Time
	swept := int64(-1)
	for {
		now := w.o.Now()
		if time.Since(beat) >= w.o.DeadAfter/beatsInLife {
			beat = time.Now()
			w.warn(ctx, "say that this worker is alive", w.Ledger.Beat(ctx, w.o.Worker, w.o.DeadAfter))
		}
		w.warn(ctx, "close idle sessions", w.closeIdle(ctx))
		w.warn(ctx, "plan the looks at sessions", w.replan(ctx, now))
		w.warn(ctx, "look for packages to cut", w.queueCuts(ctx, now, nil))
		// A sweep that is done leaves no trace: asked for at every pulse, it would run at every pulse.
		if round := now.Unix() / max(1, int64(w.o.SweepEvery/time.Second)); round != swept {
			err := w.Queue.PutNew(ctx, KindSweep, fmt.Sprint(round), 0)
			w.warn(ctx, "queue the sweep", err)
			if err == nil {
				swept = round
			}
			w.warn(ctx, "look for forgotten sessions", w.closeForgotten(ctx))
		}
		select {
		case <-t.C:
		case <-stop:
			return
		}
	}
}

// Retire lets no further send begin here: the online sessions are closed by the pulse as soon as nobody sends into them, while other tasks may still run on.
func (w *Worker) Retire() {
	e := w.express
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped = true
	for key, s := range e.sessions {
		e.end(key, s)
	}
}

// Stop waits for the handlers that were cut off, so that they can write what they know, closes the online sessions that are left and says that this worker is gone. All of it until ctx
// ends. Call it when no handler begins any more and the pulse has stopped.
func (w *Worker) Stop(ctx context.Context) error {
	w.Retire()
	ended := make(chan struct{})
	go func() { w.running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		return fmt.Errorf("wait for the last tasks: %w", context.Cause(ctx))
	}
	return errors.Join(w.closeIdle(ctx), w.Ledger.Leave(ctx, w.o.Worker))
}

// queueCuts queues a cut for each waiting set that is due. busy is as in [When].
func (w *Worker) queueCuts(ctx context.Context, now time.Time, busy map[string]bool) error {
	waits, err := w.Ledger.Waits(ctx)
	if err != nil {
		return err
	}
	knocking, onWay := w.knocking(ctx), w.onWay(ctx)
	for _, set := range waits {
		decision, _, err := w.decide(ctx, waits, set, now, knocking, onWay)
		if err != nil {
			return err
		}
		if decision == CutWait {
			continue
		}
		err = w.Queue.PutNew(ctx, KindCut, set.Group.Name(), 0)
		if err == nil && busy != nil {
			err = w.Queue.Put(ctx, KindCut, set.Group.Name(), 0, When{Busy: busy})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *Worker) warn(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		w.o.Log.Warn().Err(err).Msg("cannot " + what)
	}
}
