package tasks

import (
	"context"

	"ksefworker/internal/ledger"
)

// parkAlone is [Worker.park] for an invoice that no package will bring to the archive. Its result is durable before the ledger says parked: nobody would write it later.
func (w *Worker) parkAlone(ctx context.Context, inv *ledger.Invoice, reason string) error {
	parked := *inv
	parked.State, parked.Code, parked.Reason, parked.UpdatedAt = ledger.Parked, 0, reason, ledger.At(w.o.Now())
	docs, _, err := w.documents(ctx, []ledger.Invoice{parked})
	if err != nil {
		return err
	}
	if err := w.archiveOne(ctx, parked, docs[0]); err != nil {
		return err
	}
	if err := w.Store.Flush(ctx); err != nil {
		return err
	}
	return w.park(ctx, inv, 0, reason)
}

// park stops an invoice until a person has looked. What it says MUST tell that person what to do. The package that holds it owes it a result in the archive.
func (w *Worker) park(ctx context.Context, inv *ledger.Invoice, code int, reason string) error {
	err := w.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, To: ledger.Parked,
		Set: []ledger.Set{{Field: "code", Value: code}, {Field: "reason", Value: reason}}})
	if err != nil {
		return err
	}
	inv.State, inv.Code, inv.Reason = ledger.Parked, code, reason
	inv.Rev++
	w.reached(KindSubmit, ledger.Parked, 1)
	// The reason may quote the invoice (its number, what KSeF says of a field): it is kept in the ledger, for enqueue status, and not in the log.
	w.o.Log.Warn().Str("id", inv.ID).Int("code", code).Msg("invoice parked, waits for a person")
	return nil
}
