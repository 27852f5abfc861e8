package tasks

import (
	"context"
	"errors"
	"time"

	"ksefworker/internal/ledger"
)

// supersededAtOnce is how many invoices of each state one round of the sweep goes through.
const supersededAtOnce = 100

// sweepSuperseded finds open invoices that another document of the same number has superseded. A
// rejected or parked invoice is superseded when KSeF has accepted the other document. A rejected
// one is also superseded when KSeF has rejected a later document. Usually the step that decides the
// other document also supersedes them, but not when a worker of an older build takes that step.
// Without the sweep they would stay open for ever, because nobody would act on them.
func (sw *sweeper) sweepSuperseded(ctx context.Context, before time.Time) error {
	var f faults
	for _, s := range ledger.States() {
		if !s.Open() {
			continue
		}
		ids, err := sw.Ledger.NextInvoices(ctx, s, before, supersededAtOnce)
		if err != nil {
			f.add(err)
			continue
		}
		invs, err := sw.invoices(ctx, ids)
		f.add(err)
		newest, err := sw.Ledger.NewestOf(ctx, invs)
		if err != nil {
			f.add(err)
			continue
		}
		for i := range invs {
			is, later := invs[i].State, newest[invs[i].ID].State
			if !is.Open() || !later.InKSeF() && (is != ledger.Rejected || later != ledger.Rejected) {
				continue
			}
			err := sw.Ledger.Move(ctx, ledger.Move{ID: invs[i].ID, Rev: invs[i].Rev, To: ledger.Superseded})
			var moved *ledger.ConflictError
			if !errors.As(err, &moved) && f.add(err) {
				return f.err()
			}
			if err == nil {
				sw.logSuperseded(ctx, invs[i].Tenant, []string{invs[i].ID})
			}
		}
	}
	return f.err()
}
