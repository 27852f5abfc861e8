package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
)

// ready tells whether this worker can do its work now, part by part. A gateway that is down does not make it unready: restarting or
// taking it out of service would mend nothing, so it is told as detail.
func (w *Worker) ready(ctx context.Context) Readiness {
	looks := []func(context.Context) Check{w.checkStopping, w.redis.check, w.checkMemory, w.checkStorage, w.checkArchive, w.checkGateway, w.checkPartStore, w.checkSpool,
		w.checkEntries, w.checkClock}
	for _, t := range w.pool.Config.Tenants {
		looks = append(looks, func(ctx context.Context) Check { return w.checkTenant(ctx, t.Title(), t.NIP, t.Paused) })
	}
	looks = append(looks, w.unserved.check, w.checkWaiting, w.checkDeadlines)
	// All at once: one part that hangs must not use up the time of the others, which would then be called faulty.
	checks := make([]Check, len(looks))
	var looking sync.WaitGroup
	for i, look := range looks {
		looking.Go(func() { checks[i] = look(ctx) })
	}
	looking.Wait()
	return ReadinessOf(checks...)
}

func (w *Worker) checkStopping(context.Context) Check {
	if w.stopping.Load() {
		return Check{Name: "worker", Detail: "is stopping"}
	}
	return Check{Name: "worker", OK: true}
}

// checkSpool writes a little where packages are built: on a full disk an empty file can still be
// made.
func (w *Worker) checkSpool(context.Context) Check {
	c := Check{Name: "spool"}
	if err := os.MkdirAll(w.spool, 0o700); err != nil {
		c.Detail = "packages.spool_dir: " + err.Error()
		return c
	}
	f, err := os.CreateTemp(w.spool, "ready-*")
	if err == nil {
		_, err = f.Write(make([]byte, 4<<10))
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		c.Detail = "packages.spool_dir: " + err.Error()
		return c
	}
	c.OK = true
	return c
}

func (w *Worker) checkDeadlines(ctx context.Context) Check {
	c := Check{Name: "deadlines", OK: true}
	near := w.pool.Config.Deadlines.Warn
	now, err := w.pool.Ledger.Clock(ctx)
	if err != nil {
		return c
	}
	ids, err := w.pool.Ledger.Due(ctx, now.Add(near), 1000)
	if err == nil && len(ids) > 0 {
		c.Detail = fmt.Sprintf("%d invoices are not in KSeF with less than %s left", len(ids), near)
	}
	return c
}
