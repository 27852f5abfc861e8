package tasks

import (
	"context"

	"ksefworker/internal/ledger"
)

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

// parkStray parks an invoice that no package will bring to the archive any more, and writes its result itself. That comes after the ledger's
// word: an invoice that somebody else decided meanwhile must not be called parked in the archive. What cannot be written now is owed from
// the same move on, and the sweep brings it, whoever dies in between.
func (w *Worker) parkStray(ctx context.Context, inv *ledger.Invoice, reason string) error {
	if err := w.park(ctx, inv, 0, reason); err != nil {
		return err
	}
	if err := w.archiveWell(); err != nil {
		return nil // owed
	}
	w.warn(ctx, "write a result to the archive", w.result(ctx, *inv))
	return nil
}
