package tasks

import (
	"context"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
)

// openedBefore handles a package whose batch session was opened by an earlier run of the task. The
// session's key was lost with that run. The state closing is written to the ledger before close is
// called. So when the ledger does not say closing, close was never called, and KSeF has nothing of
// the session. In that case the package is given up, and its invoices wait again.
//
// The ledger proves nothing once Redis has restarted or failed over, because a replica that lagged
// may not have received closing. The session's status proves nothing either, because it stays 100,
// "started", for a while after the session was closed. So in this case the worker closes the
// session, which needs no key. If the session was closed before, KSeF refuses the second close.
// Either way the session gets an outcome, which tells what KSeF has. If parts of the package had
// not arrived, the session ends in an error, and the invoices go in a new session. This attempt is
// not counted against them.
func (b *batchBuilder) openedBefore(ctx context.Context, p *ledger.Package) error {
	life, err := b.Ledger.Life(ctx)
	if err != nil {
		return err
	}
	if life != "" && p.Life == life {
		return b.abandon(ctx, p, "the worker that held its key is gone")
	}
	b.o.Log.Warn().Str("package", p.ID).Str("session", p.Session).
		Msg("redis restarted or failed over since the session was opened: the worker closes it, if it is open, and asks for its status")
	if err := b.writer.writeClosing(ctx, p, ledger.PackageEdit{}.Unfinished(p.State == ledger.PackageOpened)); err != nil {
		if later, lagging := b.lags(ctx, err); lagging {
			return later
		}
		return err
	}
	return b.Queue.Put(ctx, queue.KindConfirm, p.ID, 0, queue.When{})
}
