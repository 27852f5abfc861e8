package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"ksefworker/internal/plural"
)

// readiness checks the parts that a worker needs.
type readiness struct{ *Worker }

// ready checks whether this worker can do its work now, part by part. The worker stays ready while
// a gateway is down, because neither a restart nor other traffic would help. The details name such
// a gateway.
func (w readiness) ready(ctx context.Context) Readiness {
	parts := []func(context.Context) Check{
		w.checkStopping, w.redis.check, w.checkMemory, w.checkStorage, w.checkArchive,
		w.checkHosts, w.checkPartStore, w.checkSpool, w.checkEntries, w.checkClock,
		w.queues.check,
	}
	facts := sync.OnceValue(func() tenantFacts { return w.tenantFacts(ctx) })
	for _, t := range w.pool.Config.Tenants {
		parts = append(parts, func(context.Context) Check { return w.checkTenant(facts, t.Title(), t.NIP, t.Paused) })
	}
	if w.encrypted != nil {
		parts = append(parts, w.encrypted.check)
	}
	parts = append(parts, w.unserved.check, w.checkWaiting, w.checkDeadlines, w.results.check)
	// The parts are checked at the same time. Otherwise one part that hangs would use up the time
	// of the others, which would then be shown as faulty.
	checks := make([]Check, len(parts))
	var running sync.WaitGroup
	for i, check := range parts {
		running.Go(func() { checks[i] = check(ctx) })
	}
	running.Wait()
	return readinessOf(checks...)
}

func (w readiness) checkStopping(context.Context) Check {
	if w.stopping.Load() {
		return Check{Name: "worker", Detail: "is stopping"}
	}
	return Check{Name: "worker", OK: true}
}

// checkSpool also reports a package that did not fit. Such a package may be far larger than the
// file that the check writes.
func (w readiness) checkSpool(context.Context) Check {
	c := checkSpool(w.spool)
	if fault := w.worker.SpoolFault(); c.OK && fault != "" {
		return Check{Name: c.Name, Detail: "packages.spool_dir: " + fault + "; other workers take the packages"}
	}
	return c
}

// checkSpool writes 4 KB into the folder where packages are built, because on a full disk an empty
// file can still be made.
func checkSpool(dir string) Check {
	c := Check{Name: "spool"}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		c.Detail = "packages.spool_dir: " + err.Error()
		return c
	}
	f, err := os.CreateTemp(dir, "ready-*")
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

// checkDeadlines counts the invoices whose legal deadline is near, up to 1000. They do not make the
// worker unready.
func (w readiness) checkDeadlines(ctx context.Context) Check {
	c := Check{Name: "deadlines", OK: true}
	near := w.pool.Config.Deadlines.Warn
	now, err := w.pool.Ledger.Clock(ctx)
	if err != nil {
		return c
	}
	ids, err := w.pool.Ledger.Due(ctx, now.Add(near), 1000)
	if err == nil && len(ids) > 0 {
		c.Detail = fmt.Sprintf("%s not in KSeF yet, with less than %s until the deadline",
			plural.Of(len(ids), "invoice is", "invoices are"), near)
	}
	return c
}
