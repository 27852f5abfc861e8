package queue

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/internal/ledger"
)

func queuedInvoice(tenant, id string, lane ledger.Lane, overflow bool) *ledger.Invoice {
	return &ledger.Invoice{Facts: ledger.Facts{ID: id, Tenant: tenant, Overflow: overflow}, Rev: 1, State: ledger.Queued, Lane: lane}
}

func manyInvoices(tenant string, n int) []*ledger.Invoice {
	invs := make([]*ledger.Invoice, n)
	for i := range invs {
		invs[i] = queuedInvoice(tenant, fmt.Sprintf("inv-%s-%03d", tenant, i), ledger.Auto, false)
	}
	return invs
}

func TestPutChunks_ManyInvoices_ChunksOfOneTenantAndSinglesForExpress(t *testing.T) {
	b := newBench(t)
	invs := manyInvoices("a", 2*ChunkInvoices+1)
	invs = append(invs, queuedInvoice("a", "urgent", ledger.Express, false), queuedInvoice("b", "alone", ledger.Bulk, false),
		queuedInvoice("c", "flood-1", ledger.Auto, true), queuedInvoice("c", "flood-2", ledger.Bulk, true))
	for range 2 { // the second time, all these tasks are there already
		b.must(b.PutChunks(t.Context(), invs))
	}
	stats, err := b.Stats(1000)
	b.must(err)
	if got := stats.Pending; got[QueueInvoices] != 5 || got[QueueInvoicesOverflow] != 1 {
		t.Errorf("the pending tasks are %v, want two chunks and three single tasks, and one chunk in the overflow queue", got)
	}
	for _, inv := range invs {
		info, ok := stats.Of(KindSubmit, inv.ID, inv.Rev)
		single := inv.ID == "urgent" || inv.ID == "alone" || inv.ID == invs[2*ChunkInvoices].ID
		if !ok || (info.Kind == KindSubmit) != single || info.Queue != KindSubmit.queue(inv.Overflow) {
			t.Errorf("the task of %s is %+v, want a task for this invoice alone: %v, in the queue %s",
				inv.ID, info, single, KindSubmit.queue(inv.Overflow))
		}
		if info.Kind == KindChunk && (info.Tenant != inv.Tenant || info.Count != len(info.IDs) || len(info.IDs) > ChunkInvoices) {
			t.Errorf("%s is in a chunk of %d invoices of %s, want a chunk of its tenant that is not too large",
				inv.ID, info.Count, info.Tenant)
		}
	}
}

func TestChunkID_FollowsFromItsInvoicesAndTheirRevisions(t *testing.T) {
	a, b := queuedInvoice("t", "a", ledger.Auto, false), queuedInvoice("t", "b", ledger.Auto, false)
	id := chunkID([]*ledger.Invoice{a, b})
	if chunkID([]*ledger.Invoice{b, a}) != id {
		t.Error("the same invoices in another order get another chunk id, want the same")
	}
	if chunkID([]*ledger.Invoice{a}) == id {
		t.Error("fewer invoices get the same chunk id, want another")
	}
	b.Rev++
	if chunkID([]*ledger.Invoice{a, b}) == id {
		t.Error("an invoice of a new revision gets the same chunk id, want another")
	}
}

func TestHandleChunk_GivesTheInvoicesInTheirOrder(t *testing.T) {
	b := newBench(t)
	j := jobsOf(manyInvoices("t", 3))[0]
	var got Chunk
	err := b.HandleChunk(func(_ context.Context, c Chunk) error { got = c; return nil }).
		ProcessTask(t.Context(), asynq.NewTask(string(j.kind), j.payload.encode()))
	b.must(err)
	if got.Tenant != "t" || got.ID != j.payload.ID || !slices.Equal(got.IDs, []string{"inv-t-000", "inv-t-001", "inv-t-002"}) {
		t.Errorf("the handler got %+v, want the chunk that was put, with its invoices in order", got)
	}
}

func TestPutChunksAgain_AChunkThatAPersonArchivedOrWhoseWorkerIsGone_IsQueuedAgain(t *testing.T) {
	b := newBench(t)
	invs := manyInvoices("t", 3)
	id := jobsOf(invs)[0].taskID
	again := func(busy map[string]bool) {
		t.Helper()
		b.PutChunksAgain(t.Context(), invs, busy, func(err error) bool { b.must(err); return false })
	}
	again(nil)
	b.must(b.inspect.ArchiveTask(QueueInvoices, id))
	again(nil)
	if got := b.info(KindChunk, id).State; got != asynq.TaskStatePending {
		t.Errorf("an archived chunk that is put again is %v, want pending", got)
	}
	b.server() // the server blocks in the handler of the chunk
	b.until("the chunk runs", func() bool { return b.info(KindChunk, id).State == asynq.TaskStateActive })
	again(map[string]bool{id: true})
	if _, err := b.inspect.GetTaskInfo(QueueInvoices, id+replacementSuffix); err == nil {
		t.Error("a chunk that runs was replaced")
	}
	again(map[string]bool{})
	if _, err := b.inspect.GetTaskInfo(QueueInvoices, id+replacementSuffix); err != nil {
		t.Errorf("an orphaned chunk has no replacement: %v", err)
	}
}

func TestArriving_TenantsWithChunksInLine_ButNotBehindAPausedQueue(t *testing.T) {
	b := newBench(t)
	b.must(b.PutChunks(t.Context(), append(manyInvoices("a", 3),
		queuedInvoice("b", "b1", ledger.Auto, true), queuedInvoice("b", "b2", ledger.Auto, true))))
	got, err := b.Arriving()
	if err != nil || len(got) != 2 || !got["a"] || !got["b"] {
		t.Errorf("the tenants in line are %v, want a and b; %v", got, err)
	}
	b.must(b.inspect.PauseQueue(QueueInvoicesOverflow))
	if got, err = b.Arriving(); err != nil || len(got) != 1 || !got["a"] {
		t.Errorf("with the overflow queue paused the tenants in line are %v, want only a; %v", got, err)
	}
}

func TestPendingSince_NothingPending_IsZero(t *testing.T) {
	b := newBench(t)
	if age, err := b.PendingSince(false); age != 0 || err != nil {
		t.Errorf("the age in a queue that was never used is %v, want 0; %v", age, err)
	}
	b.must(b.PutChunks(t.Context(), manyInvoices("a", 3)))
	b.until("the task has an age", func() bool { age, err := b.PendingSince(false); return age > time.Millisecond && err == nil })
	if age, err := b.PendingSince(true); age != 0 || err != nil {
		t.Errorf("the age in the overflow queue is %v, want 0; %v", age, err)
	}
}

func TestStats_VeryManyChunks_BoundsHowManyInvoicesItReadsByID(t *testing.T) {
	stats := Stats{Tasks: map[string]TaskInfo{}, Chunks: map[string]string{}}
	for i := range 3 * maxCarried / ChunkInvoices {
		ids := make([]string, ChunkInvoices)
		for k := range ids {
			ids[k] = fmt.Sprint(i, "-", k)
		}
		stats.add(fmt.Sprint(i), TaskInfo{Kind: KindChunk, Count: len(ids), IDs: ids})
	}
	if len(stats.Chunks) != maxCarried {
		t.Errorf("the stats know %d invoices by id, want %d", len(stats.Chunks), maxCarried)
	}
	last := stats.Tasks[fmt.Sprint(3*maxCarried/ChunkInvoices-1)]
	if last.IDs != nil || last.Count != ChunkInvoices {
		t.Errorf("the last chunk is %+v, want its count and no ids", last)
	}
}
