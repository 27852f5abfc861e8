package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/results"
	"ksefworker/internal/simulator"
)

// dyingStore is the store of a process that dies at its first write.
type dyingStore struct{ archive.Store }

func (dyingStore) Put(context.Context, string, []byte, string) error     { return errors.New("killed") }
func (dyingStore) Replace(context.Context, string, []byte, string) error { return errors.New("killed") }

// The package of an invoice is lost. A worker's sweep parks the invoice, and the worker dies before
// the result is in the archive. The sweep of another worker archives the result.
func TestSweep_WorkerDiesAfterParking_AnotherArchivesTheResult(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(inv.ID)
	s.losePackage(pkg)
	sound := s.store
	s.store = dyingStore{sound}
	dies := s.worker("dies", s.client())
	_ = dies.run(queue.KindSweep, "1")
	s.store = sound
	if got := s.read(inv.ID); got.State != ledger.Parked {
		t.Fatalf("the invoice is %s, want parked, so this test proves nothing", got.State)
	}
	if _, err := s.store.Get(t.Context(), archive.ResultName(inv.NIP, inv.IssueDate, inv.ID)); !errors.Is(err, archive.ErrNotFound) {
		t.Fatalf("reading the result returned %v, want the error that the archive does not have it; this test proves nothing", err)
	}
	s.advance(2 * time.Minute)
	w.must(queue.KindSweep, "2")
	s.parkedAndArchived(inv.ID)
	if pending, err := s.ledger.PendingResults(t.Context(), s.now(), 0, 10); err != nil || len(pending) != 0 {
		t.Errorf("results of %v are still pending, want none; %v", pending, err)
	}
}

// An invoice ends outside a package. From that move on its result is pending, until the archive has
// the result of the entry's latest revision.
func TestSweep_InvoiceEndsOutsideAPackage_ItsResultIsArchived(t *testing.T) {
	for _, end := range []ledger.State{ledger.Parked, ledger.Rejected, ledger.Dismissed} {
		t.Run(string(end), func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			inv := s.admit(ledger.Bulk, s.good("A/1"))
			move := ledger.Move{ID: inv.ID, Rev: inv.Rev, To: end, Edit: ledger.Edit{}.Reason("a person decided")}
			if err := s.ledger.Move(t.Context(), move); err != nil {
				t.Fatal(err)
			}
			s.advance(2 * time.Minute)
			w.must(queue.KindSweep, "1")
			if r := s.result(inv); r.State != string(end) || r.Reason != "a person decided" {
				t.Errorf("the archived result is %+v, want the state of the invoice and the person's reason", r)
			}
			// A later change makes the result pending again.
			now := s.read(inv.ID)
			move = ledger.Move{ID: inv.ID, Rev: now.Rev, From: []ledger.State{end}, Edit: ledger.Edit{}.Reason("a later reason")}
			if err := s.ledger.Move(t.Context(), move); err != nil {
				t.Fatal(err)
			}
			s.advance(2 * time.Minute)
			w.must(queue.KindSweep, "2")
			if r := s.result(inv); r.Reason != "a later reason" {
				t.Errorf("the archived result is %+v, want the later reason", r)
			}
		})
	}
}

// A live package brings the results of its invoices to the archive itself. So the sweep leaves them
// to the package.
func TestSweep_ResultsOfALivePackage_AreLeftToThatPackage(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	bad := s.admit(ledger.Bulk, s.bad("A/1"))
	pkg := s.sent(w, bad)
	w.settle(pkg)
	s.advance(2 * time.Minute)
	w.must(queue.KindSweep, "1")
	if _, err := s.store.Get(t.Context(), archive.ResultName(bad.NIP, bad.IssueDate, bad.ID)); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("before the package brings the result, reading it returned %v, want the error that the archive does not have it", err)
	}
	w.must(queue.KindReceipt, pkg)
	if r := s.result(bad); r.State != "rejected" {
		t.Errorf("the archived result is %+v, want it rejected", r)
	}
	if pending, err := s.ledger.PendingResults(t.Context(), s.now(), 0, 10); err != nil || len(pending) != 0 {
		t.Errorf("results of %v are still pending, want none; %v", pending, err)
	}
}

// Redis was restored from a backup, so the entry is older than the archived result.
func TestSweep_TheArchiveSaysThatKSeFHasTheInvoice_ItsResultIsKept(t *testing.T) {
	for _, end := range []ledger.State{ledger.Parked, ledger.Rejected, ledger.Dismissed} {
		t.Run(string(end), func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			inv := s.admit(ledger.Bulk, s.good("A/1"))
			kept := results.Of(inv, "test")
			kept.State, kept.KsefNumber = string(ledger.Receipted), "5265877635-20261123-0100A0DB5B00-39"
			raw, err := json.Marshal(kept)
			if err != nil {
				t.Fatal(err)
			}
			name := archive.ResultName(inv.NIP, inv.IssueDate, inv.ID)
			if err := s.store.Replace(t.Context(), name, raw, "application/json"); err != nil {
				t.Fatal(err)
			}
			if err := s.ledger.Move(t.Context(), ledger.Move{ID: inv.ID, Rev: inv.Rev, To: end}); err != nil {
				t.Fatal(err)
			}
			s.advance(2 * time.Minute)
			w.must(queue.KindSweep, "1")
			if got, err := s.store.Get(t.Context(), name); err != nil || string(got) != string(raw) {
				t.Errorf("the archived result is %s, error %v; want it as it was", got, err)
			}
			if pending, err := s.ledger.PendingResults(t.Context(), s.now(), 0, 10); err != nil || len(pending) != 0 {
				t.Errorf("results of %v are still pending, want none; %v", pending, err)
			}
		})
	}
}
