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

// lags reports whether err says that a state is written, but that too few replicas have it. Then
// the call that must follow the write is not made. The task comes back, and finds the state
// written.
func (c *core) lags(ctx context.Context, err error) (later error, lagging bool) {
	lag, lagging := errors.AsType[*ledger.ReplicaError](err)
	if !lagging {
		return nil, false
	}
	c.warn(ctx, "have enough replicas confirm a write, so the call after it is put off", lag)
	return &retry.LaterError{Delay: replicasLater, Reason: retry.ReasonReplicas, What: "nothing was sent", Err: lag}, true
}

// writeClosing writes that the close of a batch session is about to be called, or was called.
func (w *writer) writeClosing(ctx context.Context, p *ledger.Package, more ledger.PackageEdit) error {
	return w.movePackage(ctx, p, ledger.PackageMove{To: ledger.PackageClosing,
		Edit:         more.ClosingAt(ledger.At(w.o.Now())),
		InvoicesFrom: []ledger.State{ledger.Packed}, InvoicesTo: ledger.Sending,
		InvoicesEdit: ledger.Edit{}.InSession(p.Session)})
}
