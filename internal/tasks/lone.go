package tasks

import (
	"context"
	"errors"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// loneTries is how often an invoice that is alone in its package is sent anew although nothing shows that KSeF takes anything at present, with pauses that grow from loneFirst to loneMost: about
// two hours in all. Then a person is asked after all.
const (
	loneTries = 7
	loneFirst = time.Minute
	loneMost  = time.Hour
)

// lonePause is the pause before the n-th such try, from 0.
func lonePause(n int) time.Duration { return min(loneFirst<<min(n, 10), loneMost) }

// condemned reports whether an invoice is at fault that KSeF refused although it was alone. It is, when another package of the tenant went through since the refusals began. When none did, as likely KSeF refuses
// everybody: with the first alone parked, an evil hour of KSeF's would leave hundreds to a person who finds nothing wrong with them.
func (w *Worker) condemned(ctx context.Context, p *ledger.Package, strikes int) (bool, error) {
	if strikes >= w.o.Refusals+loneTries {
		return true, nil
	}
	began, err := w.firstRefusal(ctx, p)
	if err != nil || began.IsZero() {
		return false, err
	}
	for _, s := range []ledger.PackageState{ledger.PackageSettled, ledger.PackageReceipted} {
		ids, err := w.Ledger.PackagesInState(ctx, s, began, time.Time{}, sweepAtOnce)
		if err != nil {
			return false, err
		}
		for _, id := range ids {
			other, err := w.Ledger.Package(ctx, id)
			if err != nil && !errors.Is(err, ledger.ErrNotFound) {
				return false, err
			}
			if err == nil && other.Tenant == p.Tenant && other.Lane == ledger.Bulk && other.Code == ksef.SessionProcessed && !other.ClosingAt.Time().Before(began) {
				return true, nil
			}
		}
	}
	return false, nil
}

// firstRefusal is when the first session with what is in the package was refused: the oldest package that came of a refusal was made at that moment. Zero when p is
// the first itself.
func (w *Worker) firstRefusal(ctx context.Context, p *ledger.Package) (time.Time, error) {
	var began ledger.Millis
	for at := *p; at.Parent != ""; {
		began = at.CreatedAt
		before, err := w.Ledger.Package(ctx, at.Parent)
		if errors.Is(err, ledger.ErrNotFound) {
			break // pruned
		}
		if err != nil {
			return time.Time{}, err
		}
		at = before
	}
	return began.Time(), nil
}
