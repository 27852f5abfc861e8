package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// Documents of rejected invoices are removed after the time for which they are kept, wherever they
// lie. A parked invoice keeps its document.
func TestRemoveDocuments_Rejected_RemovedAfterTheTimeTheyAreKept(t *testing.T) {
	s := newStage(t, simulator.Options{})
	keep := func(o *tasks.Options) { o.KeepRejected = 24 * time.Hour }
	w := s.worker("w", s.client(), keep)
	small, parked := s.admit(ledger.Bulk, s.bad("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
	large := s.admit(ledger.Bulk, s.large("A/3", 3))
	if !large.BodyArchived {
		t.Fatal("the large document is not in the archive: this test proves nothing about it")
	}
	s.end(small, ledger.Rejected)
	s.end(large, ledger.Rejected)
	s.end(parked, ledger.Parked)
	has := func(id string) bool {
		inv := s.read(id)
		kept, err := s.ledger.HasBody(t.Context(), &inv)
		if err != nil {
			t.Fatal(err)
		}
		return kept
	}
	w.must(queue.KindSweep, "1")
	for _, inv := range []ledger.Invoice{small, large, parked} {
		if !has(inv.ID) {
			t.Errorf("the document of %s was removed at once, want it kept for a day", inv.Number)
		}
	}
	s.advance(25 * time.Hour)
	w.must(queue.KindSweep, "2")
	for inv, want := range map[string]bool{small.ID: false, large.ID: false, parked.ID: true} {
		if has(inv) != want {
			t.Errorf("the document of %s is kept: %v, want %v", s.read(inv).Number, !want, want)
		}
	}
	if _, err := s.store.Get(t.Context(), archive.BodyName(large.ID)); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("the archive still has the large document: %v", err)
	}
	if got := s.read(small.ID); got.State != ledger.Rejected {
		t.Errorf("the entry of the small invoice is %s, want rejected", got.State)
	}
	s.advance(25 * time.Hour)
	w.must(queue.KindSweep, "3") // must succeed although the documents are gone
}

// removalStore counts the removals that an archive is asked for, and refuses them while forbid is
// set.
type removalStore struct {
	archive.Store
	forbid bool
	n      int
}

func (r *removalStore) Remove(ctx context.Context, name string) error {
	r.n++
	if r.forbid {
		return &archive.CallError{Err: errors.New("403: deleting is forbidden")}
	}
	return r.Store.Remove(ctx, name)
}

// The bucket forbids removals. Even so, the entry of a rejected large invoice is kept no longer
// than other entries, and its result does not become pending again. A round of the sweep asks the
// bucket at most once.
func TestRemoveDocuments_DeletingIsForbidden_TheEntryIsPrunedInTime(t *testing.T) {
	s := newStage(t, simulator.Options{})
	bucket := &removalStore{Store: s.store, forbid: true}
	s.store = bucket
	w := s.worker("w", s.client(), func(o *tasks.Options) { o.KeepRejected, o.Retention = 10*24*time.Hour, 30*24*time.Hour })
	large, small := s.admit(ledger.Bulk, s.large("A/3", 3)), s.admit(ledger.Bulk, s.good("A/4"))
	s.end(large, ledger.Rejected)
	s.end(small, ledger.Rejected)
	s.advance(2 * time.Minute)
	w.must(queue.KindSweep, "0")
	before := s.read(large.ID)
	for day := range 29 {
		s.advance(24 * time.Hour)
		_ = w.run(queue.KindSweep, fmt.Sprint(day))
	}
	pending, err := s.ledger.PendingResults(t.Context(), s.now().Add(time.Hour), 0, 10)
	if now := s.read(large.ID); err != nil || len(pending) > 0 || now.UpdatedAt != before.UpdatedAt || !now.BodyArchived {
		t.Errorf("the entry is %+v, the pending results are %v (%v); want the entry as before, its document archived and no result pending",
			now, pending, err)
	}
	if bucket.n == 0 || bucket.n > 29 {
		t.Errorf("the bucket was asked %d times in 29 rounds of the sweep, want 1 to 29", bucket.n)
	}
	s.advance(2 * 24 * time.Hour)
	_ = w.run(queue.KindSweep, "last")
	for _, inv := range []ledger.Invoice{large, small} {
		if _, err := s.ledger.Invoice(t.Context(), inv.ID); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("the entry of %s was not pruned: %v", inv.Number, err)
		}
	}
}

// Two large documents were left behind, because a process died before it removed them. The invoice
// of the first was receipted. For the second, whose invoice was rejected, the process had noted
// that the document will be removed. The sweep removes each document once.
func TestRemoveDocuments_ProcessDiedBeforeRemoval_TheSweepRemovesThem(t *testing.T) {
	s := newStage(t, simulator.Options{})
	bucket := &removalStore{Store: s.store, forbid: true}
	s.store = bucket
	w := s.worker("w", s.client(), func(o *tasks.Options) { o.KeepRejected = 24 * time.Hour })
	sent, rejected := s.admit(ledger.Bulk, s.large("A/1", 1)), s.admit(ledger.Bulk, s.large("A/2", 2))
	pkg := s.sent(w, sent)
	w.settle(pkg)
	w.until(queue.KindReceipt, pkg, func() bool { return s.read(sent.ID).State == ledger.Receipted })
	s.end(rejected, ledger.Rejected)
	if ended, err := s.ledger.NoteShed(t.Context(), rejected.ID, false); !ended || err != nil {
		t.Fatalf("the removal of the rejected invoice's document is noted: %v, want true; %v", ended, err)
	}
	bucket.forbid, bucket.n = false, 0
	s.advance(25 * time.Hour)
	for i := range 5 {
		w.must(queue.KindSweep, fmt.Sprint(i))
		s.advance(2 * time.Minute)
	}
	for _, inv := range []ledger.Invoice{sent, rejected} {
		if _, err := s.store.Get(t.Context(), archive.BodyName(inv.ID)); !errors.Is(err, archive.ErrNotFound) {
			t.Errorf("%s: the archive still has the document: %v", inv.Number, err)
		}
		if s.read(inv.ID).BodyArchived {
			t.Errorf("%s: the entry says that the archive has the document", inv.Number)
		}
	}
	if bucket.n != 2 {
		t.Errorf("the archive was asked for %d removals, want 2, one for each document", bucket.n)
	}
	// A receipted invoice that is handed in again leaves no document behind either.
	s.admit(ledger.Bulk, s.large("A/1", 1))
	s.advance(2 * time.Minute)
	w.must(queue.KindSweep, "again")
	if _, err := s.store.Get(t.Context(), archive.BodyName(sent.ID)); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("after the receipted invoice was handed in again, its document stays in the archive: %v", err)
	}
}
