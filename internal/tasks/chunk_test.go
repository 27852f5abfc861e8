package tasks_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// admitTogether hands n good documents in with one call, so that a chunk carries them.
func (en *entries) admitTogether(lane ledger.Lane, n int) []string {
	en.t.Helper()
	docs := make([]intake.Document, n)
	for i := range docs {
		docs[i] = intake.Document{File: "a.xml", Data: en.samples.good(fmt.Sprint("M/", i))}
	}
	out, err := en.admitter().Admit(en.t.Context(), docs, intake.Terms{Lane: lane})
	if err != nil {
		en.t.Fatal(err)
	}
	ids := make([]string, n)
	for i := range out {
		if out[i].Err != nil {
			en.t.Fatal(out[i].Err)
		}
		ids[i] = out[i].Invoice.ID
	}
	return ids
}

// chunk runs the task of a chunk that carries these invoices.
func (a *actor) chunk(ids ...string) error {
	payload, err := json.Marshal(map[string]any{"v": 1, "id": "c", "tenant": a.s.nip(), "count": len(ids), "ids": ids})
	if err != nil {
		a.s.t.Fatal(err)
	}
	return a.mux.ProcessTask(a.s.t.Context(), asynq.NewTask(string(queue.KindChunk), payload))
}

func (en *entries) waits(id string) bool {
	en.t.Helper()
	inv := en.read(id)
	return inv.State == ledger.Queued && inv.Group == inv.WaitingGroup().Name()
}

func TestChunk_ManyInvoices_AllWaitAndRunningItAgainChangesNothing(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	ids := s.admitTogether(ledger.Auto, 20)
	for range 2 {
		if err := w.chunk(ids...); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if inv := s.read(id); !s.waits(id) || inv.Rev != inv.FirstRev()+1 {
				t.Fatalf("the invoice is %+v, want it to wait after exactly one move", inv)
			}
		}
	}
}

// The worker of a chunk died half way. Two of the invoices are in a package and one waits. A person
// has moved another one to the express lane. The chunk also names an invoice that is not in the
// ledger.
func TestChunk_HalfDone_ItsNextRunFinishesTheRest(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	ids := s.admitTogether(ledger.Bulk, 6)
	w.must(queue.KindSubmit, ids[0])
	pkg := w.cut(ids[1])
	w.must(queue.KindSubmit, ids[2])
	express := s.read(ids[3])
	if err := s.ledger.ChangeTerms(t.Context(), &express, ledger.NewTerms{Lane: ledger.Express}); err != nil {
		t.Fatal(err)
	}
	if err := w.chunk(append(ids, "inv-unknown")...); err != nil {
		t.Fatal(err)
	}
	if s.read(ids[0]).Package != pkg || s.read(ids[1]).Package != pkg {
		t.Errorf("the first two invoices are in the packages %q and %q, want both in %s as before",
			s.read(ids[0]).Package, s.read(ids[1]).Package, pkg)
	}
	if _, there, err := s.queue.Task(queue.KindSend, ids[3], express.Rev); !there || err != nil || s.waits(ids[3]) {
		t.Errorf("the express invoice has a send task: %v, %v, want true; it waits in a set: %v, want false", there, err, s.waits(ids[3]))
	}
	for _, id := range []string{ids[2], ids[4], ids[5]} {
		if !s.waits(id) {
			t.Errorf("the invoice %+v does not wait in its set", s.read(id))
		}
	}
	if n, _, err := s.ledger.Unreadables(t.Context(), 5); n != 0 || err != nil {
		t.Errorf("%d entries are noted as unreadable, want none; %v", n, err)
	}
}

func TestChunk_OneUnreadableEntry_GetsATaskOfItsOwnAndTheOthersGoOn(t *testing.T) {
	for _, d := range invoiceDamages() {
		t.Run(d.what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			ids := s.admitTogether(ledger.Auto, 3)
			repair := s.damage(d, "ksef:inv:"+ids[1])
			if err := w.chunk(ids...); err != nil {
				t.Fatal(err)
			}
			if !s.waits(ids[0]) || !s.waits(ids[2]) {
				t.Error("the other two invoices do not both wait in their set")
			}
			if _, there, err := s.queue.Task(queue.KindSubmit, ids[1], 0); !there || err != nil {
				t.Errorf("the unreadable invoice has no task: %v", err)
			}
			repair()
			w.must(queue.KindSubmit, ids[1])
			if !s.waits(ids[1]) {
				t.Error("after the repair the invoice does not wait in its set")
			}
		})
	}
}

// The key of a waiting set holds a value of the wrong type. This concerns only the invoices of this
// set.
func TestChunk_OneSickWaitingSet_TheInvoicesOfTheOtherSetWait(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	ids := s.admitTogether(ledger.Bulk, 4)
	offline := s.read(ids[0])
	if err := s.ledger.ChangeTerms(t.Context(), &offline, ledger.NewTerms{Offline: true}); err != nil {
		t.Fatal(err)
	}
	sick := "ksef:waitage:" + offline.WaitingGroup().Name()
	s.rdb.Set(t.Context(), sick, "x", 0)
	if err := w.chunk(ids...); err == nil {
		t.Error("the chunk ended without an error although one waiting set is sick")
	}
	for _, id := range ids[1:] {
		if !s.waits(id) {
			t.Errorf("the invoice %+v does not wait in its set", s.read(id))
		}
	}
	s.rdb.Del(t.Context(), sick)
	if err := w.chunk(ids...); err != nil || !s.waits(ids[0]) {
		t.Errorf("after the repair the chunk ends with %v and the invoice of the repaired set is %+v, want it to wait", err, s.read(ids[0]))
	}
}

// Workers of two builds share the queue during a rolling update. The older build does not know a
// kind of task of the newer build. asynq runs such a task again and again, minutes apart at most,
// until a newer worker takes it.
func TestMux_AKindOfANewerBuild_ComesBackWithinMinutesAndIsNeverDropped(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	err := w.run("invoices:of-a-newer-build", "c")
	if err == nil || errors.Is(err, asynq.SkipRetry) || errors.Is(err, asynq.RevokeTask) {
		t.Fatalf("the task ends with %v, want an error that lets it come back", err)
	}
	for n := range 50 {
		if d := retry.Delay(n, err, nil); d <= 0 || d > 7*time.Minute {
			t.Errorf("after try %d the task comes back in %v, want within 7m", n, d)
		}
	}
}

func TestSweep_ManyInvoicesWithoutATask_AreQueuedInChunksAndOnceOnly(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	const n = 250
	s.admitTogether(ledger.Auto, n)
	if err := s.queue.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.advance(2 * time.Minute)
	for round := range 3 {
		w.must(queue.KindSweep, fmt.Sprint(round))
		stats, err := s.queue.Stats(1000)
		if err != nil || len(stats.Chunks) != n || stats.Pending[queue.QueueInvoices] != 3 {
			t.Fatalf("round %d: the chunks carry %d invoices, want all; pending tasks are %v, want 3 in their queue; %v",
				round, len(stats.Chunks), stats.Pending, err)
		}
	}
}

// While chunks are pending, the sweep leaves alone the invoices that were queued after the oldest
// pending chunk. An invoice that was queued before that chunk has no pending task, so it is queued
// again.
func TestSweep_ChunksInLine_OnlyWhatIsOlderIsQueuedAgain(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client(), func(o *tasks.Options) { o.SweepAfter = 500 * time.Millisecond })
	lost := s.admit(ledger.Auto, s.good("L/1"))
	gone := s.loseTask(queue.QueueInvoices, queue.KindSubmit, lost.ID, lost.Rev)
	s.advance(time.Hour)
	s.admitTogether(ledger.Auto, 120)
	s.eventually("the oldest pending chunk is older than SweepAfter", func() bool {
		age, err := s.queue.PendingSince(false)
		return err == nil && age > 700*time.Millisecond
	})
	w.must(queue.KindSweep, "1")
	if !gone() {
		t.Error("the invoice that lost its task has no new task")
	}
	stats, err := s.queue.Stats(1000)
	if err != nil || stats.Pending[queue.QueueInvoices] != 3 {
		t.Errorf("the pending tasks are %v, %v; want two chunks and the new task", stats.Pending, err)
	}
}
