package tasks

import (
	"context"

	"ksefworker/internal/ledger"
)

// singly reports an invoice that goes by the express lane without having waited with others.
func singly(inv *ledger.Invoice) bool {
	return inv.Lane == ledger.Express && !inv.Attachment && !inv.Offline
}

// submit chooses the lane of an invoice. Auto waits with the others, because only then it shows whether there are few or many (see [Worker.cut]); an attachment
// always travels in a package (KSeF takes them in batch sessions only), and so does what is declared offline (only a batch session has a place for it).
func (w *Worker) submit(ctx context.Context, inv *ledger.Invoice) error {
	if singly(inv) {
		return w.Queue.Put(ctx, KindSend, inv.ID, inv.Rev, When{Overflow: inv.Overflow})
	}
	return w.Ledger.Wait(ctx, inv)
}
