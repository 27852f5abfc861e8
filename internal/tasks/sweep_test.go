package tasks_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// An invoice without a task stands behind more waiting invoices than one round of the sweep may
// queue tasks for. The sweep queues a task for this invoice and none for the waiting invoices.
func TestSweep_InvoiceWithoutTaskBehindThousandsThatWait_IsFound(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	var waiting []ledger.NewInvoice
	for i := range 2500 {
		id := ledger.InvoiceID(ledger.Identity{NIP: s.nip(), Kind: "VAT", Number: fmt.Sprint("W/", i)}, [32]byte{})
		waiting = append(waiting, ledger.NewInvoice{
			Invoice: ledger.Invoice{
				Facts:  ledger.Facts{ID: id, Tenant: s.nip(), NIP: s.nip(), Kind: "VAT", Form: "v3"},
				Number: fmt.Sprint("W/", i), Lane: ledger.Auto, Deadline: ledger.At(s.now().Add(48 * time.Hour)),
			},
			Body: []byte("x"),
		})
	}
	taken, err := s.ledger.Take(t.Context(), waiting)
	if err != nil {
		t.Fatal(err)
	}
	var moves []ledger.Move
	for i, r := range taken {
		moves = append(moves, ledger.Move{
			ID: r.ID, Rev: r.Rev, From: []ledger.State{ledger.Queued}, To: ledger.Queued,
			Group: waiting[i].WaitingGroup().Name(),
		})
	}
	if _, err := s.ledger.Apply(t.Context(), moves); err != nil {
		t.Fatal(err)
	}
	s.advance(time.Second)
	inv := s.admit(ledger.Auto, s.good("A/1")) // the newest of all
	inspect := asynq.NewInspectorFromRedisClient(s.rdb)
	task := queue.TaskID(queue.KindSubmit, inv.ID, inv.Rev)
	if err := inspect.DeleteTask(queue.QueueInvoices, task); err != nil {
		t.Fatal(err)
	}
	s.advance(2 * time.Minute)
	w.must(queue.KindSweep, "1")
	if _, err := inspect.GetTaskInfo(queue.QueueInvoices, task); err != nil {
		t.Errorf("the invoice still has no task: %v", err)
	}
	if pending, err := inspect.ListPendingTasks(queue.QueueInvoices, asynq.PageSize(10)); err != nil || len(pending) != 1 {
		t.Errorf("%d tasks were queued, want only the task of the invoice that had none (%v)", len(pending), err)
	}
}
