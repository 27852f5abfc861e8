package sinks

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
	"ksefworker/internal/tracing"
)

// Runner serves one receiver. Any number of processes may have a Runner for the same receiver,
// because a lease lets only one of them work at a time. The fields are set before the first call
// and then stay as they are, so a Runner is safe for concurrent use.
type Runner struct {
	Name   string
	Sink   Sink
	Wants  Wanted // whose results it gets
	Editor *Editor
	Batch  int // the most results that each of a round's three steps adds; 0 is 64
	// Round is longer than a round takes; 0 is a minute. If a process hangs for more than this
	// time, other processes may serve the receiver.
	Round time.Duration
	Lease time.Duration // how long the lease of a killed process lasts, a minute at most; 0 is 30 seconds
	Held  int64         // used in place of maxHeld; 0 is maxHeld
	// Pause returns the pause after the n-th failure in a row. If it is nil, the pause grows from
	// seconds to a quarter of an hour. For tests.
	Pause func(n int) time.Duration
	// Now is this machine's clock; nil is the system's. Pauses and ages go by Redis's clock (see
	// [Clock]).
	Now   func() time.Time
	Log   zerolog.Logger
	Trace *tracing.Tracer // nil: nothing is traced
}

// stretch is how long one run works before it releases the receiver. Between two runs a person can
// change something, because Admin needs the lease for that.
const stretch = 10 * time.Second

// Run serves the receiver until nothing is left to do now, stop is closed, or a stretch of time is
// over. When another process has the lease, Run ends at once without an error. It returns an error
// of Redis, or the cause of ctx when ctx ends. While a key of the receiver is sick, it returns the
// error of [ledger.SinkStore.CheckSink]. Nothing is lost by an error, because the next run begins
// at the last recorded place.
func (r *Runner) Run(ctx context.Context, stop <-chan struct{}) error {
	if err := r.Editor.Ledger.CheckSink(ctx, r.Name); err != nil {
		return err // what the receiver takes could not be recorded, so it would get the same results again and again
	}
	token, whole := rand.Text(), ctx
	ok, err := r.Editor.Ledger.LeaseSink(ctx, r.Name, token, r.lease())
	if err != nil || !ok {
		return err
	}
	defer func() { // the context may have ended
		last, cancel := context.WithTimeout(context.WithoutCancel(whole), time.Second)
		defer cancel()
		_, _ = r.Editor.Ledger.LeaseSink(last, r.Name, token, 0)
	}()
	var began atomic.Int64 // when the present round began
	began.Store(time.Now().UnixNano())
	ctx, stopRenewing := r.renewing(ctx, token, &began)
	defer stopRenewing()
	round := &round{Runner: r, token: token}
	if err := round.begin(ctx); err != nil {
		return err
	}
	for begun := time.Now(); time.Since(begun) < stretch; {
		select {
		case <-stop:
			return nil
		default:
		}
		began.Store(time.Now().UnixNano())
		more, err := round.work(ctx)
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, errLeaseLost):
			return nil // the other process goes on from the last recorded place
		case cause != nil:
			return cause
		case err != nil || !more:
			return err
		}
	}
	return nil
}

// errLeaseLost ends a run when another process serves the receiver, for example because this one
// could not reach Redis for some time.
var errLeaseLost = errors.New("another process serves this receiver")

// renewing keeps the lease while a round goes on, unless the round hangs. The context that it
// returns ends when the lease is lost. stop ends the renewing, and returns when it has ended.
func (r *Runner) renewing(outer context.Context, token string, began *atomic.Int64) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(outer)
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(r.lease() / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if time.Since(time.Unix(0, began.Load())) > r.round() {
				continue
			}
			if ok, err := r.Editor.Ledger.LeaseSink(ctx, r.Name, token, r.lease()); err == nil && !ok {
				cancel(errLeaseLost)
			}
		}
	})
	return ctx, func() { cancel(nil); running.Wait() }
}

// HasWork reports whether there is something to do for the receiver now. It only reads. It returns
// the same kinds of errors as [Runner.Run].
func (r *Runner) HasWork(ctx context.Context, span ledger.OutboxSpan) (bool, error) {
	store := r.Editor.Ledger
	if err := store.CheckSink(ctx, r.Name); err != nil {
		return false, err
	}
	state, err := store.Sink(ctx, r.Name)
	if err != nil || state.Stopped != 0 {
		return false, err
	}
	standings, err := store.Standings(ctx, r.Name)
	if err != nil {
		return false, err
	}
	round := &round{Runner: r, state: state, standings: standings}
	distrustAhead(round)
	if err := readClock(ctx, round); err != nil || rests(&state, round.now) {
		return false, err
	}
	if span.Last != "" && ledger.AfterOutcome(span.Last, state.Cursor) {
		return true, nil
	}
	if len(round.ready()) > 0 {
		if err := findStrangers(ctx, round); err != nil {
			return false, err
		}
		if len(round.ready()) > 0 {
			return true, nil
		}
	}
	due, err := store.DueSink(ctx, r.Name, round.now, maxAhead, 1)
	if err != nil || len(due) > 0 {
		return len(due) > 0, err
	}
	held, failed, err := store.Unlisted(ctx, r.Name)
	return held || failed, err
}

func (r *Runner) lease() time.Duration {
	if r.Lease == 0 {
		return 30 * time.Second
	}
	return r.Lease
}

func (r *Runner) round() time.Duration {
	if r.Round == 0 {
		return time.Minute
	}
	return r.Round
}

func (r *Runner) batch() int {
	if r.Batch == 0 {
		return 64
	}
	return r.Batch
}

func (r *Runner) maxHeld() int64 {
	if r.Held == 0 {
		return maxHeld
	}
	return r.Held
}

func (r *Runner) clock() Clock { return Clock{Pool: r.Editor.Ledger.Clock, Machine: r.Now} }

func (r *Runner) pause(n int) time.Duration {
	if r.Pause == nil {
		return pause(n)
	}
	return r.Pause(n)
}
