package app

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/queue"
)

// queueWatch looks for sick keys of the queues. A key is sick while it holds a value of a wrong
// type. queueWatch reports such keys, and puts tasks back when a key is well again. It does not run
// as a task, because the queue of the sweep may be the sick one.
type queueWatch struct {
	queue  *queue.Repairer
	log    zerolog.Logger
	now    func() time.Time
	latest atomic.Pointer[[]*queue.SickKeyError] // for readiness, because one check takes over 60 commands
	told   map[string]time.Time                  // by key
}

const (
	queueWatchEvery = 10 * time.Second
	sickQueueTold   = time.Hour // how often a key that stays sick is logged
)

func newQueueWatch(q *queue.Repairer, now func() time.Time, log zerolog.Logger) *queueWatch {
	return &queueWatch{queue: q, log: log, now: now, told: map[string]time.Time{}}
}

// run checks the keys at intervals until stop is closed.
func (w *queueWatch) run(ctx context.Context, stop <-chan struct{}) {
	every(ctx, queueWatchEvery, stop, w.look)
}

func (w *queueWatch) look(ctx context.Context) {
	sick, err := w.queue.SickKeys(ctx)
	if err != nil {
		return // others log that Redis does not answer
	}
	w.latest.Store(&sick)
	now, still := w.now(), map[string]time.Time{}
	for _, s := range sick {
		at, told := w.told[s.Key]
		if !told || now.Sub(at) >= sickQueueTold {
			at = now
			w.log.Error().Str("key", s.Key).Str("holds", s.Held).Err(s).Msg("a queue stands still: a key of it is sick")
		}
		still[s.Key] = at
	}
	w.told = still
	n, err := w.queue.Repair(ctx)
	if err != nil {
		w.log.Warn().Err(err).Msg("cannot put back the tasks of a queue whose key was sick")
	}
	if n > 0 {
		w.log.Info().Int("tasks", n).Msg("tasks are back in their queue, whose key was sick")
	}
}

// check names the sick keys in its detail. They do not make the worker unready, because the other
// queues go on.
func (w *queueWatch) check(ctx context.Context) Check {
	c := Check{Name: "queues", OK: true}
	const maxNamed = 3
	if latest := w.latest.Load(); latest != nil {
		sick := *latest
		for _, s := range sick[:min(len(sick), maxNamed)] {
			c.Detail = strings.TrimPrefix(c.Detail+"; "+s.Error(), "; ")
		}
	}
	return c
}
