package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
)

// redisWatch looks at Redis again and again: what was checked at start may be another server by
// now, after a failover or behind an address that moved. It writes, because one that was made a
// replica, or whose disk is full, still answers a ping.
type redisWatch struct {
	pool *connect.Pool
	log  zerolog.Logger
	now  func() time.Time

	turn  chan struct{} // holds one: who looks
	at    time.Time     // of the last look
	last  Check
	fault string // what is wrong with the server, "" for nothing: as it was logged
	runID string

	elsewhere atomic.Pointer[error] // the ledger belongs to another environment now
}

// watchFresh is how long what was found is told again: readiness may be asked for often, and a look
// costs a write and five questions.
const watchFresh = time.Second

// watchEvery is how often a worker looks when nobody asks.
const watchEvery = 10 * time.Second

func newRedisWatch(pool *connect.Pool, log zerolog.Logger) *redisWatch {
	w := &redisWatch{pool: pool, log: log, now: pool.Now, turn: make(chan struct{}, 1)}
	w.turn <- struct{}{}
	return w
}

// check tells whether Redis can be worked with.
func (w *redisWatch) check(ctx context.Context) Check {
	select {
	case <-w.turn:
	case <-ctx.Done():
		return Check{Name: "redis", Detail: "it has not answered yet: " + context.Cause(ctx).Error()}
	}
	defer func() { w.turn <- struct{}{} }()
	if w.at.IsZero() || w.now().Sub(w.at) >= watchFresh {
		w.last = w.look(ctx)
		w.at = w.now()
	}
	return w.last
}

func (w *redisWatch) look(ctx context.Context) Check {
	pool := w.pool
	if err := pool.Redis.Set(ctx, pool.Config.Redis.Prefix+"ready", 1, time.Minute).Err(); err != nil && !ledger.IsFull(err) {
		return Check{Name: "redis", Detail: err.Error()}
	}
	facts, err := connect.AskRedis(ctx, pool.Redis)
	if err != nil {
		return Check{Name: "redis", Detail: err.Error()}
	}
	claimed := pool.Claim(ctx)
	w.noteHome(claimed)
	fault := errors.Join(pool.Unfit(facts), claimed)
	w.tell(facts.RunID, fault)
	if fault != nil {
		return Check{Name: "redis", Detail: fault.Error()}
	}
	// What a worker may not do without a replica is what it is there for.
	if lag, lagging := errors.AsType[*ledger.ReplicaError](pool.Ledger.Replicated(ctx)); lagging {
		return Check{Name: "redis", Detail: lag.Error() + "; until then nothing is taken in and no call is made that must not be forgotten"}
	}
	return Check{Name: "redis", OK: true}
}

// noteHome remembers whether the ledger belongs to another environment now.
func (w *redisWatch) noteHome(err error) {
	switch _, elsewhere := errors.AsType[*ledger.HomeError](err); {
	case elsewhere:
		w.elsewhere.Store(&err)
	case err == nil:
		w.elsewhere.Store(nil)
	}
}

// refuse says why this process may do nothing for any tenant; nil while the ledger is its own.
func (w *redisWatch) refuse() error {
	if err := w.elsewhere.Load(); err != nil {
		return *err
	}
	return nil
}

// tell logs what has changed.
func (w *redisWatch) tell(runID string, fault error) {
	if runID != w.runID {
		if w.runID != "" {
			w.log.Warn().Msg("redis is another server, or was restarted: it is checked again")
		}
		w.runID = runID
	}
	now := ""
	if fault != nil {
		now = fault.Error()
	}
	switch {
	case now != "" && now != w.fault:
		w.log.Error().Msg("this worker is not ready: " + now)
	case now == "" && w.fault != "":
		w.log.Info().Msg("redis is fit for the ledger again")
	}
	w.fault = now
}

// run looks until it is asked to stop.
func (w *redisWatch) run(ctx context.Context, stop <-chan struct{}) {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for {
		asked, cancel := context.WithTimeout(ctx, watchEvery)
		w.check(asked)
		cancel()
		select {
		case <-t.C:
		case <-stop:
			return
		}
	}
}
