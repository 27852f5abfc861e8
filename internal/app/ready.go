package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

// ready tells whether this worker can do its work now, part by part. A gateway that is down does not make it unready: restarting or
// taking it out of service would mend nothing, so it is told as detail.
func (w *Worker) ready(ctx context.Context) Readiness {
	looks := []func(context.Context) Check{w.checkStopping, w.checkRedis, w.checkMemory, w.checkStorage, w.checkArchive, w.checkGateway, w.checkEntries, w.checkClock}
	for _, t := range w.base.Config.Tenants {
		looks = append(looks, func(ctx context.Context) Check { return w.checkTenant(ctx, t.NIP, t.Paused) })
	}
	looks = append(looks, w.checkDeadlines)
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

func (w *Worker) checkArchive(ctx context.Context) Check {
	if err := w.base.Store.Check(ctx); err != nil {
		return Check{Name: "archive", OK: true, Detail: "receipts wait: " + err.Error()}
	}
	return Check{Name: "archive", OK: true}
}

func (w *Worker) checkGateway(ctx context.Context) Check {
	c := Check{Name: "gateway", OK: true}
	s, err := w.limits.circuit.State(ctx, w.limits.host)
	switch {
	case err != nil:
		return Check{Name: "gateway", Detail: err.Error()}
	case s.Phase != ratelimit.CircuitClosed:
		c.Detail = fmt.Sprintf("no answer since %s; asked again in %s, nothing is lost meanwhile", s.Since.UTC().Format(time.RFC3339), s.Wait.Round(time.Second))
	}
	return c
}

func (w *Worker) checkTenant(ctx context.Context, nip string, paused bool) Check {
	c := Check{Name: "tenant " + nip, OK: true}
	if paused {
		c.Detail = "paused by configuration"
		return c
	}
	u, err := w.limits.store.Usage(ctx, ratelimit.Key{Tenant: nip, Group: retry.CredentialsGroup}, nil)
	if err == nil && u.Frozen > 0 {
		c.Detail = "credentials refused: put the right key into its key_file"
		return c
	}
	if known, err := w.base.Ledger.Tenant(ctx, nip); err == nil && known.Denials > 0 {
		c.Detail = fmt.Sprintf("KSeF lets nothing of this tenant in (410), %d sessions in a row: its invoices stay queued, the next try is after %s; is the key in its key_file that of another taxpayer? ",
			known.Denials, known.DeniedTill.Time().UTC().Format(time.RFC3339))
	}
	for _, group := range w.limits.limiter.Groups() {
		if group == ratelimit.GroupOther {
			group = string(ksef.GroupPublicKey)
		}
		if u, err := w.limits.limiter.Usage(ctx, nip, group); err == nil && u.Frozen > 0 {
			c.Detail += fmt.Sprintf("%s rests for %s after too many requests (429), then resumes gently; ", group, u.Frozen.Round(time.Second))
		}
	}
	return c
}

func (w *Worker) checkDeadlines(ctx context.Context) Check {
	c := Check{Name: "deadlines", OK: true}
	near := w.base.Config.Deadlines.Warn
	now, err := w.base.Ledger.Clock(ctx)
	if err != nil {
		return c
	}
	ids, err := w.base.Ledger.Due(ctx, now.Add(near), 1000)
	if err == nil && len(ids) > 0 {
		c.Detail = fmt.Sprintf("%d invoices are not in KSeF with less than %s left", len(ids), near)
	}
	return c
}
