package tasks_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// The document of a rejected invoice is handed in again shortly before it would be removed. It is
// kept for the full time again, so that a person can retry the invoice.
func TestRemoveDocuments_HandedInAgainBeforeRemoval_KeptForTheFullTimeAgain(t *testing.T) {
	for name, lines := range map[string]int{"small": 1, "large": 3500} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client(), func(o *tasks.Options) { o.KeepRejected, o.Retention = 24*time.Hour, 30*time.Hour })
			doc := s.ofLines("A/3", lines, 3)
			inv := s.admit(ledger.Bulk, doc)
			s.end(inv, ledger.Rejected)
			s.advance(23 * time.Hour)
			s.admit(ledger.Bulk, doc)
			s.advance(23 * time.Hour) // the invoice ended longer ago than entries are kept
			w.must(queue.KindSweep, "1")
			now := s.read(inv.ID)
			kept, err := s.ledger.HasBody(t.Context(), &now)
			may, mayErr := s.ledger.MayRetry(t.Context(), &now)
			if err = errors.Join(err, mayErr); err != nil || !kept || !may {
				t.Errorf("the document is kept: %v, the invoice may be retried: %v, want both; %v", kept, may, err)
			}
			s.advance(2 * time.Hour)
			w.must(queue.KindSweep, "2")
			if kept, err := s.ledger.HasBody(t.Context(), &now); lines == 1 && (kept || err != nil) {
				t.Errorf("the small document is kept after its time: %v, want false; %v", kept, err)
			}
		})
	}
}

// A document was removed because its invoice was rejected long ago. After the document is handed in
// again, the invoice can be retried for as long as after a rejection. After that time the document
// is removed again.
func TestRemoveDocuments_HandedInAgainAfterRemoval_CanBeRetriedAndIsRemovedLater(t *testing.T) {
	for name, lines := range map[string]int{"small": 1, "large": 3500} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client(), func(o *tasks.Options) { o.KeepRejected = 24 * time.Hour })
			doc := s.ofLines("A/3", lines, 3)
			inv := s.admit(ledger.Bulk, doc)
			s.end(inv, ledger.Rejected)
			kept := func() bool {
				now := s.read(inv.ID)
				kept, err := s.ledger.HasBody(t.Context(), &now)
				if err != nil {
					t.Fatal(err)
				}
				return kept
			}
			s.advance(25 * time.Hour)
			w.must(queue.KindSweep, "1")
			if kept() {
				t.Fatal("the document is kept longer than it should be: this test proves nothing")
			}
			s.admit(ledger.Bulk, doc)
			s.advance(23 * time.Hour)
			w.must(queue.KindSweep, "2")
			if !kept() {
				t.Error("the document was handed in again 23 hours ago and is not kept, want it kept for a day")
			}
			s.advance(2 * time.Hour)
			w.must(queue.KindSweep, "3")
			if _, err := s.store.Get(t.Context(), archive.BodyName(inv.ID)); kept() || !errors.Is(err, archive.ErrNotFound) {
				t.Errorf("the document was not removed again: %v", err)
			}
			s.admit(ledger.Bulk, doc)
			now := s.read(inv.ID)
			if err := s.ledger.Retry(t.Context(), &now); err != nil {
				t.Fatal(err)
			}
			w.must(queue.KindPackage, w.cut(inv.ID))
			if got := s.read(inv.ID); got.State != ledger.Sent {
				t.Errorf("after a retry the invoice is %s (%s), want sent", got.State, got.Reason)
			}
		})
	}
}

// A large document is damaged in the archive and its invoice is parked. Handing the file in again
// repairs the document, and the invoice can be retried.
func TestAdmit_LargeDocumentOfAParkedInvoiceIsDamaged_HandingItInAgainRepairsIt(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.large("A/3", 3))
	path := filepath.Join(s.archiveFolder(), archive.BodyName(inv.ID))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 0xff
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, raw, 0o600)); err != nil {
		t.Fatal(err)
	}
	w.must(queue.KindPackage, w.cut(inv.ID))
	if got := s.read(inv.ID); got.State != ledger.Parked {
		t.Fatalf("with its document damaged, the invoice is %s, want parked", got.State)
	}
	s.admit(ledger.Bulk, s.large("A/3", 3))
	got := s.read(inv.ID)
	if err := s.ledger.Retry(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	w.must(queue.KindPackage, w.cut(inv.ID))
	if got := s.read(inv.ID); got.State != ledger.Sent {
		t.Errorf("after the repair and a retry, the invoice is %s (%s), want sent", got.State, got.Reason)
	}
}
