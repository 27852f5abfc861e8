package tasks

import (
	"context"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
)

// saidTimeout bounds the write of what KSeF said. The task's own time may be over by then.
const saidTimeout = 2 * time.Second

// noteSaid stores the whole text of a task's error when the queue keeps only a part of it. The text
// is stored in the ledger with the invoice or package, so that a person can still read why it
// waits. The ledger has no entry for a chunk or a waiting set, so their text is stored with the
// tenant.
func (w *Worker) noteSaid(ctx context.Context, kind queue.Kind, id, tenant string, queued error) {
	said := retry.Withheld(queued)
	if said == "" {
		return
	}
	var note func(ctx context.Context, id, said string) error
	switch kind {
	case queue.KindSubmit, queue.KindSend:
		note = w.Ledger.NoteSaidOfInvoice
	case queue.KindPackage, queue.KindConfirm, queue.KindReceipt:
		note = w.Ledger.NoteSaidOfPackage
	case queue.KindChunk:
		note, id = w.Ledger.NoteSaidOfTenant, tenant
	case queue.KindCut:
		group, _ := ledger.ParseGroup(id)
		note, id = w.Ledger.NoteSaidOfTenant, group.Tenant
	}
	if note == nil || id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saidTimeout)
	defer cancel()
	w.warn(ctx, "record what KSeF said", note(ctx, id, said))
}
