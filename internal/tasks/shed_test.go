package tasks_test

import (
	"errors"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// The documents of what ended without KSeF go after a while, wherever they lie; what waits for a
// person keeps its own, and what was accepted lies in the archive.
func TestShed_RejectedDocumentsGoAfterAWhile(t *testing.T) {
	s := newStage(t, simulator.Options{})
	keep := func(o *tasks.Options) { o.KeepRejected = 24 * time.Hour }
	w := s.worker("w", s.door(), keep)
	small, parked := s.admit(ledger.Bulk, s.bad("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
	large := s.admit(ledger.Bulk, sample.Invoice(sample.Options{SellerNIP: s.nip(), Number: "A/3", IssueDate: invoice.Today(time.Now()), Lines: 3500, Seed: 3}))
	if !large.BodyArchived {
		t.Fatal("the large document is not in the archive: this test proves nothing of it")
	}
	for _, m := range []ledger.Move{
		{ID: small.ID, Rev: small.Rev, To: ledger.Rejected}, {ID: large.ID, Rev: large.Rev, To: ledger.Rejected}, {ID: parked.ID, Rev: parked.Rev, To: ledger.Parked},
	} {
		if err := s.ledger.Move(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	has := func(id string) bool {
		inv := s.read(id)
		kept, err := s.ledger.HasBody(t.Context(), &inv)
		if err != nil {
			t.Fatal(err)
		}
		return kept
	}
	w.must(tasks.KindSweep, "1")
	for _, inv := range []ledger.Invoice{small, large, parked} {
		if !has(inv.ID) {
			t.Errorf("the document of %s is gone at once", inv.Number)
		}
	}
	s.advance(25 * time.Hour)
	w.must(tasks.KindSweep, "2")
	for inv, want := range map[string]bool{small.ID: false, large.ID: false, parked.ID: true} {
		if has(inv) != want {
			t.Errorf("the document of %s is kept: %v, want %v", s.read(inv).Number, !want, want)
		}
	}
	if _, err := s.store.Get(t.Context(), archive.BodyName(large.ID)); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("the archive still has the large document: %v", err)
	}
	if got := s.read(small.ID); got.State != ledger.Rejected {
		t.Errorf("the entry is %s", got.State)
	}
	s.advance(25 * time.Hour)
	w.must(tasks.KindSweep, "3") // and nothing goes wrong with what is gone
}
