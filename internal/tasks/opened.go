package tasks

import (
	"context"

	"ksefworker/internal/ledger"
)

// openedBefore is for a package whose batch session was opened by a run that is over; the session's key
// is gone with it. Closing is written before close is called, so the ledger's word that it was not
// written is proof that the session was never closed, and as far as KSeF is concerned contains
// nothing: the package is given up, and its invoices wait anew.
//
// That word is worth nothing once Redis has restarted or failed over: a replica that lagged has not
// heard of closing. Nor can the session tell: it says 100, "started", for a while after it was closed,
// too. So the package goes on. Close needs no key, and a second one is refused; what KSeF then makes of
// the session is an answer either way. If parts of it had not arrived it ends in an error, and then the
// invoices go in a new one, which is not held against them.
func (w *Worker) openedBefore(ctx context.Context, p *ledger.Package) error {
	life, err := w.Ledger.Life(ctx)
	if err != nil {
		return err
	}
	if life != "" && p.Life == life {
		return w.abandon(ctx, p, "the worker that held its key is gone")
	}
	w.o.Log.Warn().Str("package", p.ID).Str("session", p.Session).
		Msg("redis restarted or failed over since the session was opened: it is closed, or was already, and asked what became of it")
	if err := w.writeClosing(ctx, p, ledger.Set{Field: "unfinished", Value: p.State == ledger.PackageOpened}); err != nil {
		if later, lagging := w.lags(ctx, err); lagging {
			return later
		}
		return err
	}
	return w.Queue.Put(ctx, KindConfirm, p.ID, 0, When{})
}
