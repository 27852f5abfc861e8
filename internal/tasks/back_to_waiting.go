package tasks

import (
	"context"
	"errors"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
)

// backAfter is the longest time that a package which could take in more invoices waits for its
// session; see mayGrow.
const backAfter = time.Minute

// mayGrow reports whether a package that has to wait for its session should rather wait as part of
// its waiting set. There its invoices share one session with those that come meanwhile. The ledger
// has the package as cut, so KSeF has nothing of it.
//
// It stays a package if its session comes within backAfter and, unless it is declared offline,
// before midnight. However long the wait, it stays a package when it is full or has half of the
// bytes of a full one. It also stays one when it resulted from a refusal, because invoices that
// KSeF refused together must not be mixed with others again. During an outage it stays one too,
// because its attempts to open a session show when the gateway is back.
func (b *batchBuilder) mayGrow(p *ledger.Package, err error) bool {
	turn, ok := errors.AsType[*ratelimit.NotNow](err)
	if !ok || turn.Reason == ratelimit.ReasonOutage || p.Parent != "" {
		return false
	}
	full := p.Count >= b.lanes.policy(p.Tenant).maxInvoices(Allowance{}) || 2*p.Size >= b.o.MaxBytes
	if full {
		return false
	}
	now := b.o.Now()
	if guarded(ledger.Group{Offline: p.Offline}, now) && turn.Wait >= untilMidnight(now) {
		return true
	}
	return turn.Wait > backAfter
}

// backToWaiting gives up a package that was cut too early. Its invoices wait again.
func (b *batchBuilder) backToWaiting(ctx context.Context, p *ledger.Package) error {
	b.warn(ctx, "leave the waitlist of batch sessions", b.Budget.Leave(ctx, p.Tenant, string(ksef.GroupBatchSession)))
	b.o.Log.Info().Str("package", p.ID).Str("tenant", p.Tenant).Int("invoices", p.Count).
		Msg("no session for a long time: the package goes back into its waiting set and takes in new invoices")
	return b.abandon(ctx, p, "no session was available for a long time; its invoices wait together with new ones")
}
