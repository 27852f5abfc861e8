package tasks

import (
	"context"
	"errors"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
)

// backAfter is how long a package that was cut waits for its session at most, unless it is full.
const backAfter = time.Minute

// mayGrow reports that a package which has to wait for its session had better wait as part of its
// set, where it takes in what comes meanwhile and costs one session together with that. The ledger
// says cut: nothing of it is out there.
//
// It stays a package when it is full; when it came of a refusal, because what KSeF refuses together
// must not be mixed with others again; and during an outage, when it finds out that the gateway is
// back.
func (w *Worker) mayGrow(p *ledger.Package, err error) bool {
	turn, ok := errors.AsType[*ratelimit.NotNow](err)
	if !ok || turn.Reason == ratelimit.ReasonOutage || p.Parent != "" || p.Count >= w.policy(p.Tenant).maxInvoices(Allowance{}) || 2*p.Size >= w.o.MaxBytes {
		return false
	}
	now := w.o.Now()
	if guarded(ledger.Group{Offline: p.Offline}, now) && turn.Wait >= untilMidnight(now) {
		return true
	}
	return turn.Wait > backAfter
}

// putBack gives a package up that was cut too early: its invoices wait anew.
func (w *Worker) putBack(ctx context.Context, p *ledger.Package) error {
	w.warn(ctx, "leave the line of batch sessions", w.Budget.Leave(ctx, p.Tenant, string(ksef.GroupBatchSession)))
	w.o.Log.Info().Str("package", p.ID).Str("tenant", p.Tenant).Int("invoices", p.Count).
		Msg("no session for long: the package goes back into its waiting set and takes in what comes")
	return w.abandon(ctx, p, "no session was to be had for long; its invoices wait with what comes")
}
