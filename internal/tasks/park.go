package tasks

import (
	"context"

	"github.com/rs/zerolog"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/settlement"
)

// park stops an invoice until a person decides. The reason MUST tell that person what to do. The
// package that holds the invoice brings its result to the archive.
func (w *writer) park(ctx context.Context, inv *ledger.Invoice, code int, reason string) error {
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
	w.reached(queue.KindSubmit, ledger.Parked, 1)
	logParked(w.o.Log.Warn(), inv.ID, code, reason)
	return nil
}

// logParked logs the reason without the words of KSeF. Those may quote the invoice, so they are
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
// result itself. It moves the ledger first: the archive must not call an invoice parked that
// another process decided meanwhile. The same move marks the result as pending. So the sweep brings
// what cannot be written now, whichever process dies in between.
func (sw *sweeper) parkStray(ctx context.Context, inv *ledger.Invoice, reason string) error {
	if err := sw.writer.park(ctx, inv, 0, reason); err != nil {
		return err
	}
	if err := sw.archiving.archiveWell(); err != nil {
		return nil // the result stays pending
	}
	sw.warn(ctx, "write a result to the archive", sw.archivist.result(ctx, *inv))
	return nil
}
