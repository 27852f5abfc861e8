package intake

import (
	"testing"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
)

// A tenant hands in very many documents. From then on its tasks go to the overflow queue, and the
// tasks of another tenant do not. When the same documents are handed in again, their tasks stay in
// the queue where they are, and no invoice gets a second task.
func TestAdmit_ATenantFloods_ItsTasksGoToTheOverflowQueueAndOthersDoNot(t *testing.T) {
	g := newGate(t, nil)
	var flood []Document
	for i := range overflowAbove + 10 {
		flood = append(flood, numbered(i))
	}
	first := g.admit(flood[:100]...)
	many := g.admit(flood[100:]...)
	few := g.admit(doc("few.xml", sample.Options{SellerNIP: sample.NIP(1), Number: "A/1", IssueDate: "2026-11-23"}))
	if first[0].Invoice.Overflow || !many[0].Invoice.Overflow || few[0].Invoice.Overflow {
		t.Errorf("the overflow queue has an early task: %v, a late one: %v, that of the other tenant: %v; want the late one alone",
			first[0].Invoice.Overflow, many[0].Invoice.Overflow, few[0].Invoice.Overflow)
	}
	again := g.admit(flood...) // new documents would all go to the overflow queue now
	if got := again[0]; got.Taken != ledger.Present || got.Invoice.Overflow {
		t.Errorf("the first document, handed in again, is %+v, want it present and not in the overflow queue", got)
	}
	for queue, want := range map[string]int{queue.QueueInvoices: 2, queue.QueueInvoicesOverflow: 5} {
		stats, err := g.Queue.Stats(1)
		if err != nil || stats.Pending[queue] != want {
			t.Errorf("queue %s: the queues have %+v, %v, want %d tasks here", queue, stats.Pending, err, want)
		}
	}
	if n, err := g.Queue.Depth(queue.KindSubmit); err != nil || n != 7 {
		t.Errorf("%d tasks are queued, %v, want 7", n, err)
	}
	// A later task for one of the overflowing invoices goes to the overflow queue as well.
	inv, err := g.Ledger.Invoice(t.Context(), many[0].Invoice.ID)
	g.must(err)
	g.must(g.Queue.Put(t.Context(), queue.KindSubmit, inv.ID, inv.Rev, queue.When{Overflow: inv.Overflow}))
	info, there, err := g.Queue.Task(queue.KindSubmit, inv.ID, inv.Rev)
	if err != nil || !there || info.Queue != queue.QueueInvoicesOverflow || info.Phase != queue.TaskPending {
		t.Errorf("the task is %+v, %v, want it pending in the overflow queue", info, err)
	}
}
