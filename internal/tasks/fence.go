package tasks

import (
	"context"
	"errors"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// replicasLater is how long a task waits when too few replicas had its write in time.
const replicasLater = 2 * time.Second

// lags reports whether err says that a state is written, but that too few replicas have it. In that
// case the caller must not make the call to KSeF that follows the write. It ends the task with the
// error later, which lets the task come back. When the task comes back, it finds the state written.
func (c *core) lags(ctx context.Context, err error) (later error, lagging bool) {
	lag, lagging := errors.AsType[*ledger.ReplicaError](err)
	if !lagging {
		return nil, false
	}
	c.warn(ctx, "get a write confirmed by enough replicas, so the call after it is put off", lag)
	return &retry.LaterError{Delay: replicasLater, Reason: retry.ReasonReplicas, What: "nothing was sent", Err: lag}, true
}

// writeClosing records that the close of a batch session is about to be called, or was called. It
// writes the package first, so that nobody gives it up any more, and then its invoices.
func (w *writer) writeClosing(ctx context.Context, p *ledger.Package, more ledger.PackageEdit) error {
	move := sendingIn(p)
	move.To, move.Edit = ledger.PackageClosing, more.ClosingAt(ledger.At(w.o.Now()))
	return w.movePackage(ctx, p, move)
}

// writeClosingAgain completes a writeClosing that may have been cut off because its worker died,
// and waits for the replicas.
func (w *writer) writeClosingAgain(ctx context.Context, p *ledger.Package) error {
	if p.Lane == ledger.Bulk {
		if err := w.moveRest(ctx, p, sendingIn(p)); err != nil {
			return err
		}
	}
	return w.Ledger.Secure(ctx, p)
}

// sendingIn returns the move that marks the invoices of a package as being sent. It is made just
// before the call that hands them to KSeF.
func sendingIn(p *ledger.Package) ledger.PackageMove {
	return ledger.PackageMove{InvoicesFrom: []ledger.State{ledger.Packed}, InvoicesTo: ledger.Sending,
		InvoicesEdit: ledger.Edit{}.InSession(p.Session)}
}

// waitingAgain returns the move that puts a package's invoices back into their waiting set. It is
// for a package whose session was never closed.
func waitingAgain(p *ledger.Package) ledger.PackageMove {
	group := ledger.Group{Tenant: p.Tenant, Form: p.Form, Offline: p.Offline}
	return ledger.PackageMove{InvoicesFrom: []ledger.State{ledger.Packed}, InvoicesTo: ledger.Queued,
		InvoicesGroup: group.Name(), InvoicesEdit: ledger.Edit{}.OutOfPackage()}
}

// neverClosed reports whether a package of the bulk lane is over and close was never tried. KSeF
// has none of the invoices that are still packed in such a package. There are such invoices if the
// worker that gave the package up died before all of them had left it.
func neverClosed(p *ledger.Package) bool {
	switch p.State {
	case ledger.PackageAbandoned, ledger.PackageSettled, ledger.PackageReceipted:
		return p.Lane == ledger.Bulk && p.ClosingAt == 0
	}
	return false
}
