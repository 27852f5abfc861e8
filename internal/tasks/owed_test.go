package tasks_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// gone is a store of a process that dies at its first write.
type dyingStore struct{ archive.Store }

func (dyingStore) Put(context.Context, string, []byte, string) error     { return errors.New("killed") }
func (dyingStore) Replace(context.Context, string, []byte, string) error { return errors.New("killed") }

// A worker parks what was left behind and dies before the result is in the archive: another one's
// sweep brings it.
func TestSweep_WorkerDiesBetweenParkingAndItsResult_AnotherBringsIt(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(inv.ID)
	if err := s.rdb.Del(t.Context(), "ksef:pkg:"+pkg).Err(); err != nil {
		t.Fatal(err)
	}
	s.advance(2 * time.Minute)
	sound := s.store
	s.store = dyingStore{sound}
	dies := s.worker("dies", s.client())
	_ = dies.run(queue.KindSweep, "1")
	s.store = sound
	if got := s.read(inv.ID); got.State != ledger.Parked {
		t.Fatalf("it is %s: this test proves nothing", got.State)
	}
	if _, err := s.store.Get(t.Context(), archive.ResultName(inv.NIP, inv.IssueDate, inv.ID)); !errors.Is(err, archive.ErrNotFound) {
		t.Fatalf("a result is there: %v: this test proves nothing", err)
	}
	s.advance(2 * time.Minute)
	w.must(queue.KindSweep, "2")
	s.parkedAndArchived(inv.ID)
	if owed, err := s.ledger.PendingResults(t.Context(), s.now(), 0, 10); err != nil || len(owed) != 0 {
		t.Errorf("still owed: %v, %v", owed, err)
	}
}

// Whoever ends an invoice outside of a package, by whatever move: its result is owed from that move
// on, until the archive has this very revision of it.
func TestSweep_InvoiceEndsInWhateverWayOutsideOfAPackage_ItsResultIsBrought(t *testing.T) {
	for _, end := range []ledger.State{ledger.Parked, ledger.Rejected, ledger.Dismissed} {
		t.Run(string(end), func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			inv := s.admit(ledger.Bulk, s.good("A/1"))
			move := ledger.Move{ID: inv.ID, Rev: inv.Rev, To: end, Edit: ledger.Edit{}.Reason("a person said so")}
			if err := s.ledger.Move(t.Context(), move); err != nil {
				t.Fatal(err)
			}
			s.advance(2 * time.Minute)
			w.must(queue.KindSweep, "1")
			if r := s.result(inv); r.State != string(end) || r.Reason != "a person said so" {
				t.Errorf("the archive says %+v", r)
			}
			// What is said of it later is pending again.
			now := s.read(inv.ID)
			move = ledger.Move{ID: inv.ID, Rev: now.Rev, From: []ledger.State{end}, Edit: ledger.Edit{}.Reason("and then this")}
			if err := s.ledger.Move(t.Context(), move); err != nil {
				t.Fatal(err)
			}
			s.advance(2 * time.Minute)
			w.must(queue.KindSweep, "2")
			if r := s.result(inv); r.Reason != "and then this" {
				t.Errorf("the archive says %+v", r)
			}
		})
	}
}

// What a live package holds it brings itself; those that wait for their packages hide nobody behind
// them.
func TestSweep_ResultsThatPackagesWillBring_AreLeftToThem(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	bad := s.admit(ledger.Bulk, s.bad("A/1"))
	pkg := s.sent(w, bad)
	w.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
	s.advance(2 * time.Minute)
	w.must(queue.KindSweep, "1")
	if _, err := s.store.Get(t.Context(), archive.ResultName(bad.NIP, bad.IssueDate, bad.ID)); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("the sweep was before the package: %v", err)
	}
	w.must(queue.KindReceipt, pkg)
	if r := s.result(bad); r.State != "rejected" {
		t.Errorf("the archive says %+v", r)
	}
	if owed, err := s.ledger.PendingResults(t.Context(), s.now(), 0, 10); err != nil || len(owed) != 0 {
		t.Errorf("still owed: %v, %v", owed, err)
	}
}
