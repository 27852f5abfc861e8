package tasks

import (
	"context"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/settlement"
)

// park stops an invoice until a person decides. The reason MUST tell that person what to do. The
// result is written to the archive later, together with the package that holds the invoice. If no
// package holds it, the sweep writes the result.
func (w *writer) park(ctx context.Context, m settlement.Move) error {
	each, err := w.move(ctx, m, "")
	if err != nil {
		return err
	}
	w.reached(queue.KindSubmit, ledger.Parked, 1)
	w.ended(m)
	w.logInvoice(m.Invoice, ledger.Parked, m.Invoice.Package, m.Invoice.Session)
	w.traceDecided(ctx, m, ledger.Parked, nil)
	w.logEnded([]settlement.Move{m}, each)
	w.tellDecided(ctx, []settlement.Move{m}, each)
	return nil
}

// stopped returns the move that parks an invoice for a reason of this program's own, without an
// answer of KSeF.
func stopped(inv *ledger.Invoice, reason string) settlement.Move {
	return settlement.Move{Invoice: inv, Fate: settlement.Park, Reason: reason, Gist: reason}
}

// parkOutsidePackage parks an invoice whose result no package will write to the archive any more,
// and writes the result itself. It moves the invoice in the ledger first. If another process has
// decided the invoice meanwhile, that move fails, and the archive does not call the invoice parked.
// The move also marks the result as pending. So if the result cannot be written now, or the process
// dies, the sweep writes it later.
func (sw *sweeper) parkOutsidePackage(ctx context.Context, inv *ledger.Invoice, reason string) error {
	if err := sw.writer.park(ctx, stopped(inv, reason)); err != nil {
		return err
	}
	if err := sw.archiving.archiveWell(); err != nil {
		return nil // the result stays pending
	}
	sw.warn(ctx, "write a result to the archive", sw.archivist.result(ctx, *inv))
	return nil
}
