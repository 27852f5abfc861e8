package tasks

import (
	"context"
	"errors"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// replicasLater is when a task comes back whose write no replica had in time.
const replicasLater = 2 * time.Second

// lags reports that a state is written and that too few replicas have it: the call that it goes before is
// not made. The task comes back, and finds the state written.
func (w *Worker) lags(ctx context.Context, err error) (later error, lagging bool) {
	lag, lagging := errors.AsType[*ledger.ReplicaError](err)
	if !lagging {
		return nil, false
	}
	w.warn(ctx, "be sure of what redis was told, so a call is put off", lag)
	return &retry.LaterError{Delay: replicasLater, Reason: retry.ReasonReplicas, What: "nothing was sent", Err: lag}, true
}

// writeClosing writes that the close of a batch session is about to be called, or was.
func (w *Worker) writeClosing(ctx context.Context, p *ledger.Package, more ...ledger.Set) error {
	return w.Ledger.MovePackage(ctx, p, ledger.PackageMove{To: ledger.PackageClosing,
		Set:          append(more, ledger.Set{Field: "closing_at", Value: ledger.At(w.o.Now())}),
		InvoicesFrom: []ledger.State{ledger.Packed}, InvoicesTo: ledger.Sending,
		InvoicesSet: []ledger.Set{{Field: "session", Value: p.Session}}})
}
