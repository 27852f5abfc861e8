package tasks

import (
	"context"
	"time"

	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
)

// saidTimeout bounds the write of what KSeF said. It comes when the task's own time may be over.
const saidTimeout = 2 * time.Second

// noteSaid keeps with the entry what the queue must not keep of a task's error, so that a person
// still reads why the entry waits. A chunk or a waiting set has no entry: its tenant keeps the
// words.
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
	case queue.KindChunk, queue.KindCut:
		note, id = w.Ledger.NoteSaidOfTenant, tenant
	}
	if note == nil || id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saidTimeout)
	defer cancel()
	w.warn(ctx, "record what KSeF said", note(ctx, id, said))
}
