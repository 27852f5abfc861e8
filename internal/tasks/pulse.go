package tasks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
)

const (
	pulseEvery = time.Second
	lookAgain  = pulseEvery / 4 // how soon the worker looks for cuts again while many invoices arrive
	// beatsInLife is how many heartbeats in a row may fail before a worker counts as dead. A worker
	// that was paused for longer finds its sessions closed and opens new ones.
	beatsInLife = 6
)

// Pulse runs the regular work of each worker. It writes the worker's heartbeat, measures its clock,
// plans polls and closes online sessions. It also queues the cuts and sweeps that are due for the
// whole pool. Several workers may queue the same task; its id makes sure that there is only one.
// Pulse holds no state that would be lost with the worker. When stop is closed, Pulse finishes what
// it is doing and returns. When ctx ends, that work is cut off, but only stop ends Pulse. Closes
// may still be running when Pulse returns, and [Worker.Stop] waits for them.
//
// Each of these jobs has a loop of its own, so that none waits for another. Above all, nothing that
// the gateway or a tenant does may keep a worker from writing its heartbeat.
func (w *Worker) Pulse(ctx context.Context, stop <-chan struct{}) {
	beat := max(w.o.DeadAfter/beatsInLife, time.Millisecond)
	swept := int64(-1)
	var loops sync.WaitGroup
	for _, l := range []struct {
		every time.Duration
		what  string
		do    func(context.Context) error
	}{
		{beat, "say that this worker is alive", func(ctx context.Context) error {
			// A call that hangs must not delay the next heartbeat.
			ctx, cancel := context.WithTimeout(ctx, beat)
			defer cancel()
			return w.Ledger.Beat(ctx, w.o.Worker, w.o.DeadAfter)
		}},
		{clockEvery, "compare this machine's clock with redis's", w.MeasureClock},
		{pulseEvery, "close idle sessions", func(ctx context.Context) error { w.online.closeIdle(ctx); return nil }},
		{pulseEvery, "plan the polls of sessions", func(ctx context.Context) error { return w.polls.replan(ctx, w.o.Now()) }},
		{pulseEvery, "look for packages to cut", func(ctx context.Context) error { return w.lanes.lookForCuts(ctx, stop) }},
		{pulseEvery, "queue the sweep", func(ctx context.Context) error { return w.queueSweep(ctx, &swept) }},
		{max(w.o.SweepEvery, pulseEvery), "look for lost sessions", w.online.closeLostSessions},
	} {
		loops.Go(func() {
			t := time.NewTicker(l.every)
			defer t.Stop()
			for {
				w.warn(ctx, l.what, guard(func() error { return l.do(ctx) }))
				select {
				case <-t.C:
				case <-stop:
					return
				}
			}
		})
	}
	loops.Wait()
}

// queueSweep queues the sweep of this round. A sweep that has ended leaves no trace in the queue,
// so a sweep queued at every pulse would also run at every pulse. Therefore swept remembers the
// round. When a sweep already waits to be run, no other is queued. Otherwise one for each round
// would pile up in a pool that has no time for sweeps.
func (w *Worker) queueSweep(ctx context.Context, swept *int64) error {
	round := w.o.Now().Unix() / max(1, int64(w.o.SweepEvery/time.Second))
	if round == *swept {
		return nil
	}
	waiting, err := w.Queue.Pending(queue.KindSweep)
	if err != nil {
		return err
	}
	if waiting == 0 {
		if err := w.Queue.PutNew(ctx, queue.KindSweep, fmt.Sprint(round), 0); err != nil {
			return err
		}
	}
	*swept = round
	return nil
}

// Retire lets no further send begin in this worker. The pulse closes the online sessions as soon as
// no task sends into them. Other tasks may still run on.
func (w *Worker) Retire() {
	e := w.online.express
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped = true
	for key, s := range e.sessions {
		e.end(key, s)
	}
}

// Stop waits for the handlers that were cut off, so that they can write what they know. Then it
// closes the online sessions that are left and records that this worker has left the pool. All of
// it has to be done before ctx ends. Call it when no handler begins any more and the pulse has
// stopped.
func (w *Worker) Stop(ctx context.Context) error {
	w.Retire()
	defer w.alarms.stop()
	ended := make(chan struct{})
	go func() { w.running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		return fmt.Errorf("wait for the last tasks: %w", context.Cause(ctx))
	}
	return errors.Join(w.online.closeAll(ctx), w.Ledger.Leave(ctx, w.o.Worker))
}

// lookForCuts queues the cuts that are due. It also looks between two pulses, as long as sets are
// due or chunks enter them. At such times many thousands of invoices are probably arriving, and a
// set is full long before the next pulse.
func (l *laneChooser) lookForCuts(ctx context.Context, stop <-chan struct{}) error {
	due, err := l.queueCuts(ctx, l.o.Now(), nil)
	for range pulseEvery/lookAgain - 1 {
		if err != nil {
			return err
		}
		select {
		case <-time.After(lookAgain):
		case <-stop:
			return nil
		}
		if entered := l.entered.Swap(false); entered || due > 0 {
			due, err = l.queueCuts(ctx, l.o.Now(), nil)
		}
	}
	return err
}

// queueCuts queues a cut for each waiting set that is due, and returns how many sets are due. A
// fault with one set does not keep the others from being cut. busy is as in [queue.When].
func (l *laneChooser) queueCuts(ctx context.Context, now time.Time, busy map[string]bool) (due int, err error) {
	round, err := l.cutRound(ctx, now)
	if err != nil {
		return 0, err
	}
	var f faults
	for _, set := range round.waits {
		cut, err := l.queueCut(ctx, set, round, busy)
		if cut {
			due++
		}
		if f.add(err) {
			break
		}
	}
	return due, f.err()
}

func (l *laneChooser) queueCut(ctx context.Context, set ledger.Waiting, round cutRound, busy map[string]bool) (due bool, err error) {
	decision, _, err := l.decide(ctx, set, round)
	if err != nil || decision == CutWait {
		return false, err
	}
	err = l.Queue.PutNew(ctx, queue.KindCut, set.Group.Name(), 0)
	if err == nil && busy != nil {
		err = l.Queue.Put(ctx, queue.KindCut, set.Group.Name(), 0, queue.When{Busy: busy})
	}
	return true, err
}

func (c *core) warn(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		c.o.Log.Warn().Err(err).Msg("cannot " + what)
	}
}
