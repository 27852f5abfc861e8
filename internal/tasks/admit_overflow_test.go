package tasks

import (
	"testing"

	"github.com/hibiken/asynq"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// A tenant that hands in very many stands in a queue of its own from then on; another's few do not. Handing the same in again finds the same queue: there is never a
// second task of an invoice.
func TestAdmit_ATenantThatFloods_StandsInTheCrowdsQueueAndTheOthersDoNot(t *testing.T) {
	g := newGate(t, nil)
	var flood []Document
	for i := range overflowAbove + 10 {
		flood = append(flood, numbered(i))
	}
	first := g.admit(flood[:100]...)
	many := g.admit(flood[100:]...)
	few := g.admit(doc("few.xml", sample.Options{SellerNIP: sample.NIP(1), Number: "A/1", IssueDate: "2026-11-23"}))
	if first[0].Invoice.Overflow || !many[0].Invoice.Overflow || few[0].Invoice.Overflow {
		t.Errorf("of a overflow: the first %v, the last %v, the other tenant's %v", first[0].Invoice.Overflow, many[0].Invoice.Overflow, few[0].Invoice.Overflow)
	}
	again := g.admit(flood...) // by now all would be of a overflow
	if got := again[0]; got.Taken != ledger.Present || got.Invoice.Overflow {
		t.Errorf("handed in again: %+v", got)
	}
	for queue, want := range map[string]int{QueueInvoices: 101, QueueInvoicesOverflow: overflowAbove + 10 - 100} {
		info, err := g.Queue.inspect.GetQueueInfo(queue)
		if err != nil || info.Pending != want {
			t.Errorf("%s: %+v, %v, want %d tasks", queue, info, err, want)
		}
	}
	if n, err := g.Queue.Depth(KindSubmit); err != nil || n != overflowAbove+11 {
		t.Errorf("%d tasks, %v", n, err)
	}
	// What drives an invoice on later finds its task, too.
	inv, err := g.Ledger.Invoice(t.Context(), many[0].Invoice.ID)
	g.must(err)
	g.must(g.Queue.Put(t.Context(), KindSubmit, inv.ID, inv.Rev, When{Overflow: inv.Overflow}))
	if info, err := g.Queue.inspect.GetTaskInfo(QueueInvoicesOverflow, TaskID(KindSubmit, inv.ID, inv.Rev)); err != nil || info.State != asynq.TaskStatePending {
		t.Errorf("%+v, %v", info, err)
	}
	if n, err := g.Queue.Depth(KindSubmit); err != nil || n != overflowAbove+11 {
		t.Errorf("%d tasks after one was driven on, %v", n, err)
	}
}
