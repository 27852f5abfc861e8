package tasks_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// manyPieces is a number of invoices that the ledger moves in three steps. The invoices that one
// step moves are a piece.
const manyPieces = 450

// manyInOne admits n invoices and puts them into one package.
func (s *stage) manyInOne(w *actor, n int) (ids []string, pkg string) {
	s.t.Helper()
	docs := make([]intake.Document, n)
	for i := range docs {
		docs[i] = intake.Document{File: "a.xml", Data: s.good(fmt.Sprint("A/", i))}
	}
	out, err := s.admitter().Admit(s.t.Context(), docs, intake.Terms{Lane: ledger.Bulk})
	if err != nil {
		s.t.Fatal(err)
	}
	moves := make([]ledger.Move, len(out))
	for i, o := range out {
		if o.Err != nil {
			s.t.Fatal(o.Err)
		}
		ids = append(ids, o.Invoice.ID)
		moves[i] = ledger.Move{
			ID: o.Invoice.ID, From: []ledger.State{ledger.Queued}, To: ledger.Queued,
			Group: o.Invoice.WaitingGroup().Name(),
		}
	}
	if _, err := s.ledger.Apply(s.t.Context(), moves); err != nil {
		s.t.Fatal(err)
	}
	w.until(queue.KindCut, out[0].Invoice.WaitingGroup().Name(), func() bool { return s.read(ids[0]).State == ledger.Packed })
	return ids, s.read(ids[0]).Package
}

// countStates counts the invoices by state.
func (s *stage) countStates(ids []string) map[ledger.State]int {
	s.t.Helper()
	invs, err := s.ledger.Invoices(s.t.Context(), ids)
	if err != nil {
		s.t.Fatal(err)
	}
	by := map[ledger.State]int{}
	for _, inv := range invs {
		by[inv.State]++
	}
	return by
}

// killedAtPiece runs a task whose worker dies before the n-th call of a verb of the ledger.
func (s *stage) killedAtPiece(a *actor, verb string, nth int32, kind queue.Kind, pkg string) {
	s.t.Helper()
	ctx, kill := context.WithCancel(s.t.Context())
	defer kill()
	a.beforeVerb(verb, nth, kill)
	if err := a.runWith(ctx, kind, pkg); err == nil {
		s.t.Fatal("the task succeeded although its worker died")
	}
}

func TestPieces_WorkerDiesWhileItWritesClosing_TheRestIsWrittenBeforeTheSessionIsClosed(t *testing.T) {
	t.Parallel()
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	ids, pkg := s.manyInOne(w, manyPieces)
	s.killedAtPiece(w, "package", 5, queue.KindPackage, pkg) // after opened, uploaded, and two pieces of closing
	if by := s.countStates(ids); s.pkg(pkg).State != ledger.PackageClosing || by[ledger.Packed] != 50 || by[ledger.Sending] != 400 {
		t.Fatalf("the package is %s, its invoices %v; want closing, 50 packed and 400 sending", s.pkg(pkg).State, by)
	}
	if n := s.sim.Books().Requests["batchSessionClose"]; n != 0 {
		t.Fatalf("close was called %d times, want never", n)
	}
	w2 := s.worker("w2", s.client())
	var atClose map[ledger.State]int
	w2.beforeVerb("package", 4, func() { atClose = s.countStates(ids) }) // calls 1 to 3 write closing; call 4 follows the close
	w2.until(queue.KindConfirm, pkg, func() bool { return s.handedOver() > 0 })
	if atClose[ledger.Sending] != manyPieces {
		t.Errorf("right after the session was closed, the invoices were %v, want all sending", atClose)
	}
	w2.settle(pkg)
	if by := s.countStates(ids); by[ledger.Accepted] != manyPieces || s.handedOver() != manyPieces {
		t.Errorf("the invoices are %v, want all accepted; KSeF was handed %d of them, want %d", by, s.handedOver(), manyPieces)
	}
}

func TestPieces_WorkerDiesWhileItWritesProcessing_TheSessionShowsEveryOutcome(t *testing.T) {
	t.Parallel()
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	ids, pkg := s.manyInOne(w, manyPieces)
	s.killedAtPiece(w, "package", 7, queue.KindPackage, pkg)
	if by := s.countStates(ids); s.pkg(pkg).State != ledger.PackageProcessing || by[ledger.Sending] != 250 || by[ledger.Sent] != 200 {
		t.Fatalf("the package is %s, its invoices %v; want processing, 250 sending and 200 sent", s.pkg(pkg).State, by)
	}
	s.worker("w2", s.client()).settle(pkg)
	if by := s.countStates(ids); by[ledger.Accepted] != manyPieces || s.handedOver() != manyPieces {
		t.Errorf("the invoices are %v, want all accepted; KSeF was handed %d of them, want %d", by, s.handedOver(), manyPieces)
	}
}

func TestPieces_WorkerDiesWhileItWritesOutcomes_TheOthersFollowAndNoneIsSentAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	ids, pkg := s.manyInOne(w, manyPieces)
	w.must(queue.KindPackage, pkg)
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	w.beforeVerb("move", 3, kill)
	for n := 0; ctx.Err() == nil && n < 50; n++ { // the first polls may come before KSeF is done
		s.advance(time.Minute)
		_ = w.runWith(ctx, queue.KindConfirm, pkg)
	}
	if by := s.countStates(ids); by[ledger.Accepted] == 0 || by[ledger.Sent] == 0 {
		t.Fatalf("the invoices are %v, want some accepted and some still sent", by)
	}
	s.worker("w2", s.client()).settle(pkg)
	if by := s.countStates(ids); by[ledger.Accepted] != manyPieces || s.handedOver() != manyPieces {
		t.Errorf("the invoices are %v, want all accepted; KSeF was handed %d of them, want %d", by, s.handedOver(), manyPieces)
	}
}

func TestPieces_WorkerDiesWhileItGivesAPackageUp_TheSweepLetsTheRestWaitAndAllIsSentOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	ids, pkg := s.manyInOne(w, manyPieces)
	s.killedAtPiece(w, "package", 2, queue.KindPackage, pkg) // the session is open, and its key is lost with the worker
	w2 := s.worker("w2", s.client())
	s.killedAtPiece(w2, "package", 2, queue.KindPackage, pkg)
	if by := s.countStates(ids); s.pkg(pkg).State != ledger.PackageAbandoned || by[ledger.Packed] != 250 || by[ledger.Queued] != 200 {
		t.Fatalf("the package is %s, its invoices %v; want abandoned, 250 packed and 200 queued", s.pkg(pkg).State, by)
	}
	s.advance(10 * time.Minute)
	w3 := s.worker("w3", s.client())
	w3.must(queue.KindSweep, "1")
	if by := s.countStates(ids); by[ledger.Queued] != manyPieces {
		t.Fatalf("after the sweep the invoices are %v, want all queued", by)
	}
	first := s.read(ids[0])
	w3.until(queue.KindCut, first.WaitingGroup().Name(), func() bool { return s.read(ids[0]).State == ledger.Packed })
	again := s.read(ids[0]).Package
	w3.must(queue.KindPackage, again)
	w3.settle(again)
	if by := s.countStates(ids); by[ledger.Accepted] != manyPieces || s.handedOver() != manyPieces {
		t.Errorf("the invoices are %v, want all accepted; KSeF was handed %d of them, want %d", by, s.handedOver(), manyPieces)
	}
}
