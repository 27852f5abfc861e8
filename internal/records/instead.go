package records

import (
	"context"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// Instead returns what the archive has of an invoice whose entry in the ledger is damaged. ok is
// false when the entry is not damaged, or when the archive has no result that stands for it (see
// [Stands]). In the latter case instead is the first result that the archive has of the invoice, if
// it has any.
func (r *Reader) Instead(ctx context.Context, u *ledger.Unreadable) (instead results.Result, ok bool, err error) {
	if !ledger.Damaged(u.Err) {
		return results.Result{}, false, nil
	}
	found, err := r.FindID(ctx, u.ID)
	if err != nil {
		return results.Result{}, false, err
	}
	for i := range found {
		if Stands(u, &found[i]) {
			return found[i], true, nil
		}
	}
	if len(found) > 0 {
		return found[0], false, nil
	}
	return results.Result{}, false, nil
}

// Stands reports whether an archived result tells how the invoice of a damaged entry stands. What
// KSeF has accepted stays accepted. Any other result may be older than the entry, for example
// because the invoice was retried since. Such a result counts only if the ledger still lists the
// invoice in the state of the result.
func Stands(u *ledger.Unreadable, r *results.Result) bool {
	return ledger.Damaged(u.Err) && r.ID == u.ID && (ledger.State(r.State).InKSeF() || r.State == u.KnownState())
}
