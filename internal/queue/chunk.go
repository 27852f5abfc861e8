package queue

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/internal/ledger"
)

// ChunkInvoices is the largest number of invoices in one task.
const ChunkInvoices = 100

// Chunk is the work of one task of [KindChunk]. It consists of invoices of one tenant that are
// queued together. A chunk promises nothing about its invoices, because only the ledger's entry of
// each invoice says what is still to be done.
type Chunk struct {
	ID     string // the same for the same invoices at the same revisions
	Tenant string
	IDs    []string // of the invoices
}

// PutChunks queues new invoices, many in one task, in one round trip. Invoices that other
// goroutines queue at the same time may be in the same task. As with [Queue.PutAllNew], an error
// does not tell which tasks were queued, and a task that is in the queue already counts as success.
//
// An invoice of lane express gets a task of its own, so that it never stands behind the other
// invoices of a chunk. An invoice that would be alone in its chunk also gets a task of its own. An
// invoice with a near deadline needs none, because a whole chunk enters the waiting set in one
// step, and that set is ordered by deadline.
func (q *Queue) PutChunks(ctx context.Context, invs []*ledger.Invoice) error {
	_, err := q.chunks.Do(ctx, invs, func(ctx context.Context, all []*ledger.Invoice) ([]struct{}, error) {
		return make([]struct{}, len(all)), q.putNew(ctx, jobsOf(all))
	})
	return err
}

// PutChunksAgain queues invoices whose tasks may have been lost, as [Queue.Put] does for one. busy
// is as in [When]. PutChunksAgain calls report with the outcome of each task, and ends when report
// returns true.
func (q *Queue) PutChunksAgain(ctx context.Context, invs []*ledger.Invoice, busy map[string]bool, report func(error) bool) {
	for _, j := range jobsOf(invs) {
		if report(j.put(ctx, q, When{Busy: busy})) {
			return
		}
	}
}

// HandleChunk returns asynq's handler for the tasks of [KindChunk]. It calls do with the chunk. In
// everything else it is like [Queue.Handle].
func (q *Queue) HandleChunk(do func(context.Context, Chunk) error) asynq.Handler {
	return q.handle(func(ctx context.Context, p payload) error {
		return do(ctx, Chunk{ID: p.ID, Tenant: p.Tenant, IDs: p.IDs})
	})
}

// PendingSince returns the age of the next pending task in the queue of [KindSubmit] and
// [KindChunk], or with overflow in their overflow queue. It returns 0 when none is pending. Workers
// serve a queue in the order of arrival. So if an invoice was queued before that task, the
// invoice's own task is no longer pending.
func (q *Queue) PendingSince(overflow bool) (time.Duration, error) {
	var age time.Duration
	err := q.eachOf([]string{KindSubmit.queue(overflow)}, func(info *asynq.QueueInfo) { age = info.Latency })
	return age, err
}

// arrivingAtOnce is the largest number of running tasks, and of pending tasks, that Arriving reads
// from a queue. A hundred chunks are ten thousand invoices and 350 kB.
const arrivingAtOnce = 100

// Arriving returns the tenants whose chunks run or are among the next tasks of their queue. The
// answer holds for this moment only. It leaves out:
//   - chunks behind more tasks than Arriving reads
//   - chunks in queues that a person has paused
//   - chunks that have failed and wait for their next run
//   - single tasks, which name no tenant
func (q *Queue) Arriving() (map[string]bool, error) {
	tenants := map[string]bool{}
	var failed error
	err := q.each(KindChunk, func(info *asynq.QueueInfo) {
		if info.Paused || failed != nil {
			return
		}
		for _, list := range []func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error){
			q.inspect.ListActiveTasks, q.inspect.ListPendingTasks,
		} {
			found, err := list(info.Queue, asynq.PageSize(arrivingAtOnce))
			if err != nil {
				failed = fmt.Errorf("read queue %s: %w", info.Queue, err)
				return
			}
			for _, t := range found {
				if i := taskInfo(t); i.Tenant != "" {
					tenants[i.Tenant] = true
				}
			}
		}
	})
	if err == nil {
		err = failed
	}
	return tenants, err
}

// line is what the invoices of one chunk have in common.
type line struct {
	tenant   string
	overflow bool
}

// jobsOf divides invoices into tasks. First comes one task for each invoice of lane express, and
// then the tasks of each line. The invoices of one line stay in their order.
func jobsOf(invs []*ledger.Invoice) []job {
	var jobs []job
	var order []line
	lines := map[line][]*ledger.Invoice{}
	for _, inv := range invs {
		if inv.Lane == ledger.Express {
			jobs = append(jobs, jobOf(KindSubmit, inv.ID, inv.Rev, inv.Overflow))
			continue
		}
		l := line{inv.Tenant, inv.Overflow}
		if lines[l] == nil {
			order = append(order, l)
		}
		lines[l] = append(lines[l], inv)
	}
	for _, l := range order {
		for some := range slices.Chunk(lines[l], ChunkInvoices) {
			if len(some) == 1 {
				jobs = append(jobs, jobOf(KindSubmit, some[0].ID, some[0].Rev, l.overflow))
				continue
			}
			jobs = append(jobs, chunkOf(l, some))
		}
	}
	return jobs
}

func chunkOf(l line, invs []*ledger.Invoice) job {
	id := chunkID(invs)
	p := payload{ID: id, Tenant: l.tenant, Count: len(invs), IDs: make([]string, len(invs))}
	for i, inv := range invs {
		p.IDs[i] = inv.ID
	}
	return job{kind: KindChunk, taskID: TaskID(KindChunk, id, 0), queue: KindChunk.queue(l.overflow), payload: p}
}

// chunkID names a chunk by its invoices and their revisions, whatever their order. So the same work
// is queued only once. A new attempt with the same invoices has other revisions, and is other work.
func chunkID(invs []*ledger.Invoice) string {
	sorted := slices.SortedFunc(slices.Values(invs), func(a, b *ledger.Invoice) int { return cmp.Compare(a.ID, b.ID) })
	sum := sha256.New()
	for _, inv := range sorted {
		fmt.Fprintf(sum, "%s:%d\n", inv.ID, inv.Rev)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}
