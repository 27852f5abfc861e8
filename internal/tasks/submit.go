package tasks

import (
	"context"
	"errors"

	"ksefworker/internal/ledger"
)

// singly reports an invoice that goes by the express lane without having waited with others.
func singly(inv *ledger.Invoice) bool {
	return inv.Lane == ledger.Express && !inv.Attachment && !inv.Offline
}

// submit chooses the lane of an invoice. Auto waits with the others, because only then it shows whether there are few or many (see [Worker.cut]); an attachment
// always travels in a package (KSeF takes them in batch sessions only), and so does what is declared offline (only a batch session has a place for it).
func (w *Worker) submit(ctx context.Context, id string) error {
	inv, err := w.Ledger.Invoice(ctx, id)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil // Redis was emptied; whoever has the file hands it in again
	}
	if err != nil {
		return err
	}
	if inv.State != ledger.Queued || inv.Group != "" {
		return nil
	}
	if singly(&inv) {
		return w.Queue.Put(ctx, KindSend, inv.ID, inv.Rev, When{Crowd: inv.Crowd})
	}
	return w.Ledger.Wait(ctx, &inv)
}

// park stops an invoice until a person has looked. What it says MUST tell that person what to do.
func (w *Worker) park(ctx context.Context, inv *ledger.Invoice, code int, reason string) error {
	err := w.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, To: ledger.Parked,
		Set: []ledger.Set{{Field: "code", Value: code}, {Field: "reason", Value: reason}}})
	if err != nil {
		return err
	}
	w.reached(KindSubmit, ledger.Parked, 1)
	// The reason may quote the invoice (its number, what KSeF says of a field): it is kept in the ledger, for enqueue status, and not in the log.
	w.o.Log.Warn().Str("id", inv.ID).Int("code", code).Msg("invoice parked, waits for a person")
	return nil
}
