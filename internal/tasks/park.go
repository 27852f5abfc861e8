package tasks

import (
	"context"

	"github.com/rs/zerolog"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/settlement"
)

// park stops an invoice until a person has looked. What it says MUST tell that person what to do.
// The package that holds the invoice has to bring its result to the archive.
func (w *Worker) park(ctx context.Context, inv *ledger.Invoice, code int, reason string) error {
	m := settlement.Move{Invoice: inv, Fate: settlement.Park, Code: code, Reason: reason}
	edit, err := ledgerMove(m, "")
	if err != nil {
		return err
	}
	each, err := w.Ledger.ApplyEach(ctx, []ledger.Move{edit})
	if err != nil {
		return err
	}
	m.Wrote(each[0])
	if c := each[0].Conflict; c != nil {
		return c
	}
	w.reached(KindSubmit, ledger.Parked, 1)
	logParked(w.o.Log.Warn(), inv.ID, code, reason)
	return nil
}

// logParked names the reason without the words of KSeF: they may quote the invoice, so they are
// kept in the ledger, for enqueue status, and not in the log.
func logParked(e *zerolog.Event, id string, code int, reason string) {
	if code != 0 {
		meaning, known := ksef.InvoiceMeaning(code)
		if !known {
			meaning = "KSeF answered a code that is not documented"
		}
		e, reason = e.Int("code", code), meaning
	}
	e.Str("id", id).Str("reason", reason).Msg("invoice parked, waits for a person: enqueue open says what to do")
}

// parkStray parks an invoice that no package will bring to the archive any more, and writes its
// result itself. That comes after the ledger's word: an invoice that somebody else decided
// meanwhile must not be called parked in the archive. What cannot be written now is owed from the
// same move on, and the sweep brings it, whoever dies in between.
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
