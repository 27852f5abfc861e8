package tasks_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// twoSets hands six invoices in with one call. Half of them are offline, so they belong in two
// waiting sets, and a chunk moves them in two steps. groups has the names of the two sets.
func (s *stage) twoSets() (ids []string, groups map[string]bool) {
	s.t.Helper()
	ids, groups = s.admitTogether(ledger.Bulk, 6), map[string]bool{}
	for i, id := range ids {
		inv := s.read(id)
		if i%2 == 0 {
			if err := s.ledger.ChangeTerms(s.t.Context(), &inv, ledger.NewTerms{Offline: true}); err != nil {
				s.t.Fatal(err)
			}
			inv = s.read(id)
		}
		groups[inv.WaitingGroup().Name()] = true
	}
	return ids, groups
}

// midway runs the task of a chunk and calls f between its two steps. f may cancel the task.
func (a *actor) midway(ids []string, f func(cancel func())) error {
	a.s.t.Helper()
	payload, err := json.Marshal(map[string]any{"v": 1, "id": "c", "tenant": a.s.nip(), "count": len(ids), "ids": ids})
	if err != nil {
		a.s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(a.s.t.Context())
	defer cancel()
	a.beforeVerb("move", 2, func() { f(cancel) })
	return a.mux.ProcessTask(ctx, asynq.NewTask(string(queue.KindChunk), payload))
}

func (s *stage) howManyWait(ids []string) (n int) {
	for _, id := range ids {
		if s.waits(id) {
			n++
		}
	}
	return n
}

// allOnce cuts and sends the waiting sets, and checks that KSeF was sent each invoice once.
func (s *stage) allOnce(w *actor, ids []string, groups map[string]bool) {
	s.t.Helper()
	for g := range groups {
		w.until(queue.KindCut, g, func() bool {
			sets, err := s.ledger.Waits(s.t.Context())
			for _, set := range sets {
				if set.Group.Name() == g {
					return false
				}
			}
			return err == nil
		})
	}
	sent := map[string]bool{}
	for _, id := range ids {
		if pkg := s.read(id).Package; !sent[pkg] {
			sent[pkg] = true
			s.sendThrough(w, pkg)
		}
	}
	s.acceptedOnce(len(ids))
}

// The worker dies when three invoices of its chunk wait already. After that, another worker runs
// the task again, or the task is lost and the sweep queues tasks for the other three.
func TestChunk_WorkerDiesMidway_TheRestIsFinishedAndNothingIsSentTwice(t *testing.T) {
	for _, lost := range []bool{false, true} {
		s := newStage(t, simulator.Options{})
		ids, groups := s.twoSets()
		if err := s.worker("dies", s.client()).midway(ids, func(cancel func()) { cancel() }); err == nil || s.howManyWait(ids) != 3 {
			t.Fatalf("after the worker died %d invoices wait, want 3; the chunk ended with %v", s.howManyWait(ids), err)
		}
		w := s.worker("w", s.client())
		if !lost {
			if err := w.chunk(ids...); err != nil {
				t.Fatal(err)
			}
		} else {
			for _, key := range s.rdb.Keys(t.Context(), "asynq:*").Val() {
				s.rdb.Del(t.Context(), key)
			}
			s.advance(time.Hour)
			w.must(queue.KindSweep, "1")
			tasks, err := asynq.NewInspectorFromRedisClient(s.rdb).ListPendingTasks(queue.QueueInvoices)
			if err != nil || len(tasks) == 0 {
				t.Fatalf("the sweep queued %d tasks, %v; want at least one", len(tasks), err)
			}
			for _, task := range tasks {
				if err := w.mux.ProcessTask(t.Context(), asynq.NewTask(task.Type, task.Payload)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := s.howManyWait(ids); n != 6 {
			t.Fatalf("the task was lost: %v; %d invoices wait, want 6", lost, n)
		}
		s.allOnce(w, ids, groups)
	}
}

// A person pauses the tenant between the two steps. All invoices wait, and nothing is cut. When the
// tenant is released, each invoice is sent once.
func TestChunk_TenantPausedMidway_AllWaitAndAreSentOnceAfterwards(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	ids, groups := s.twoSets()
	if err := w.midway(ids, func(func()) {
		if err := s.ledger.Hold(t.Context(), s.nip(), ledger.Hold{Kind: ledger.Paused, By: "anna"}); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	for g := range groups {
		_ = w.run(queue.KindCut, g)
	}
	if n := s.howManyWait(ids); n != 6 {
		t.Fatalf("%d invoices wait, want 6", n)
	}
	if _, err := s.ledger.Release(t.Context(), s.nip()); err != nil {
		t.Fatal(err)
	}
	s.allOnce(w, ids, groups)
}

// A person drains the tenant between the two steps. No new invoice of the tenant is taken in. The
// invoices that were taken in before are sent, each once.
func TestChunk_TenantDrainedMidway_NothingNewIsTakenInAndAllIsSentOnce(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	ids, groups := s.twoSets()
	if err := w.midway(ids, func(func()) {
		if err := s.ledger.Hold(t.Context(), s.nip(), ledger.Hold{Kind: ledger.Draining, By: "anna"}); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if n := s.howManyWait(ids); n != 6 {
		t.Fatalf("%d invoices wait, want 6", n)
	}
	docs := []intake.Document{{File: "b.xml", Data: s.good("M/new")}, {File: "a.xml", Data: s.good("M/0")}}
	out, err := s.admitter().Admit(t.Context(), docs, intake.Terms{Lane: ledger.Bulk})
	if err != nil || out[0].Err == nil || !strings.Contains(out[0].Err.Error(), "stopped its intake") || out[1].Err != nil {
		t.Errorf("handed in while the tenant is drained, the documents get %v, %v; want only the new one refused, because anna stopped the intake",
			out, err)
	}
	if err := w.chunk(ids...); err != nil { // asynq may bring the task again
		t.Fatal(err)
	}
	s.allOnce(w, ids, groups)
	counts := s.countStates(ids)
	if counts[ledger.Receipted] != 6 {
		t.Errorf("invoices of the drained tenant by state: %v, want 6 receipted", counts)
	}
}

// The tenant is taken out of a worker's configuration between the two steps. That worker lets the
// tenant's invoices wait, and a worker that has the tenant sends each of them once.
func TestChunk_TenantRemovedMidway_AllWaitForAWorkerThatHasIt(t *testing.T) {
	s := newStage(t, simulator.Options{})
	known := true
	w := s.workerWith("w", s.client(), func(p *tasks.Parts) {
		p.Transport = func(string) (tasks.Transport, bool) { return s.client(), known }
	})
	ids, groups := s.twoSets()
	if err := w.midway(ids, func(func()) { known = false }); err != nil {
		t.Fatal(err)
	}
	for g := range groups {
		_ = w.run(queue.KindCut, g)
	}
	if n := s.howManyWait(ids); n != 6 {
		t.Fatalf("%d invoices wait, want 6", n)
	}
	s.allOnce(s.worker("other", s.client()), ids, groups)
}

// Redis cannot increment a revision with a leading zero. The invoice is noted as unreadable, and
// the rest of its chunk goes on in every run.
func TestChunk_RevisionWithALeadingZero_ItIsNamedAndTheOthersGoOn(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	ids := s.admitTogether(ledger.Bulk, 3)
	s.rdb.HSet(t.Context(), "ksef:inv:"+ids[1], "rev", "01")
	for range 2 {
		if err := w.chunk(ids...); err != nil {
			t.Fatal(err)
		}
	}
	if !s.waits(ids[0]) || !s.waits(ids[2]) {
		t.Error("the other two invoices do not both wait in their set")
	}
	if n, keys, err := s.ledger.Unreadables(t.Context(), 5); n != 1 || err != nil || keys[0] != "inv:"+ids[1] {
		t.Errorf("the entries noted as unreadable are %v, %v; want only the entry with the leading zero", keys, err)
	}
}
