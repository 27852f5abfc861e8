//go:build unix

package chaos

import (
	"context"
	"fmt"
	"time"

	"ksefworker/internal/ledger"
)

// overdue lists the packages that KSeF has, and that have not moved for longer than they may wait. That
// a session is not asked about shows nowhere else: KSeF accepts its invoices all the same.
func (r *run) overdue(ctx context.Context, now time.Time) (ids []string, err error) {
	for _, s := range []ledger.PackageState{ledger.PackageClosing, ledger.PackageProcessing, ledger.PackageSettled} {
		some, err := r.base.Ledger.PackagesInState(ctx, s, time.Time{}, now.Add(-worstWait), 0)
		if err != nil {
			return nil, err
		}
		ids = append(ids, some...)
	}
	return ids, nil
}

// judgeOneSession looks whether a session that was sick alone has held up others: it is one package.
func (r *run) judgeOneSession() (errs []error) {
	for _, s := range r.sick {
		if len(s.waiting) > 1 {
			errs = append(errs, fmt.Errorf("%d packages waited although only one session was sick (%s): %v", len(s.waiting), s.spell, s.waiting))
		}
	}
	return errs
}
