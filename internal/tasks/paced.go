package tasks

import (
	"context"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// paced gives a task that asked KSeF about a session, and came to nothing, the pause of one that found
// the session at work, unless it says itself when to come again. Waiting is no failure, so the queue's
// own pauses do not grow with it: a session whose status or receipt cannot be read would be asked every
// three seconds, for as long as that lasts, out of the requests that all sessions of its tenant share.
func (w *Worker) paced(ask func(context.Context, *ledger.Package) error) func(context.Context, *ledger.Package) error {
	return func(ctx context.Context, p *ledger.Package) error {
		err := ask(ctx, p)
		v := retry.Judge(err)
		if v.Action != retry.Later || v.Delay > 0 {
			return err
		}
		return &retry.LaterError{Delay: retry.Judge(w.lookLater(p, "")).Delay, Reason: v.Reason, What: "the session of " + p.ID, Err: err}
	}
}
