package tasks

import (
	"context"
	"sync/atomic"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
)

// singly reports whether an invoice is sent by itself, in an online session.
func singly(inv *ledger.Invoice) bool {
	return inv.Lane == ledger.Express && !inv.Attachment && !inv.Offline
}

// laneChooser decides how queued invoices travel, and when a package is cut.
type laneChooser struct {
	*core
	polls *pollSchedule
	holds *personHolds
	// entered is true when this worker has let a chunk into a waiting set since it last looked for
	// cuts.
	entered atomic.Bool
}

// submit chooses the lane of an invoice. An invoice of lane auto waits in its tenant's waiting set.
// The worker can tell from a set whether there are few invoices or many (see cut). An attachment
// always travels in a package, because KSeF takes attachments in batch sessions only. An invoice
// that is declared offline travels in a package too, because an online session at the gateway has
// no field for that.
func (l *laneChooser) submit(ctx context.Context, inv *ledger.Invoice) error {
	if singly(inv) {
		return l.Queue.Put(ctx, queue.KindSend, inv.ID, inv.Rev, queue.When{Overflow: inv.Overflow})
	}
	return l.Ledger.Wait(ctx, inv)
}
