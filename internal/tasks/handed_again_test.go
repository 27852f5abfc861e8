package tasks_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// The document of a rejected invoice is handed in again shortly before it would be removed. It is
// kept for as long again, so that a person can retry the invoice.
func TestShed_HandedInAgainBeforeItWent_IsKeptForAsLongAgain(t *testing.T) {
	for name, lines := range map[string]int{"small": 1, "large": 3500} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client(), func(o *tasks.Options) { o.KeepRejected, o.Retention = 24*time.Hour, 30*time.Hour })
			doc := sample.Invoice(sample.Options{
				SellerNIP: s.nip(), Number: "A/3", IssueDate: invoice.Today(time.Now()), Lines: lines, Seed: 3,
			})
			inv := s.admit(ledger.Bulk, doc)
			if err := s.ledger.Move(t.Context(), ledger.Move{ID: inv.ID, Rev: inv.Rev, To: ledger.Rejected}); err != nil {
				t.Fatal(err)
			}
			s.advance(23 * time.Hour)
			s.admit(ledger.Bulk, doc)
			s.advance(23 * time.Hour) // its end is longer ago than entries are kept
			w.must(queue.KindSweep, "1")
			now := s.read(inv.ID)
			kept, err := s.ledger.HasBody(t.Context(), &now)
			may, also := s.ledger.MayRetry(t.Context(), &now)
			if err = errors.Join(err, also); err != nil || !kept || !may {
				t.Errorf("its document is kept: %v, it may be retried: %v, %v", kept, may, err)
			}
			s.advance(2 * time.Hour)
			w.must(queue.KindSweep, "2")
			if kept, err := s.ledger.HasBody(t.Context(), &now); lines == 1 && (kept || err != nil) {
				t.Errorf("its document is kept for longer: %v, %v", kept, err)
			}
		})
	}
}

// A large document was removed because its invoice was rejected long ago. Handed in again it can be
// retried, for as long as after a rejection, and goes again later. Small ones do the same.
func TestShed_HandedInAgain_CanBeRetriedAndGoesAgainLater(t *testing.T) {
	for name, lines := range map[string]int{"small": 1, "large": 3500} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client(), func(o *tasks.Options) { o.KeepRejected = 24 * time.Hour })
			doc := sample.Invoice(sample.Options{
				SellerNIP: s.nip(), Number: "A/3", IssueDate: invoice.Today(time.Now()), Lines: lines, Seed: 3,
			})
			inv := s.admit(ledger.Bulk, doc)
			if err := s.ledger.Move(t.Context(), ledger.Move{ID: inv.ID, Rev: inv.Rev, To: ledger.Rejected}); err != nil {
				t.Fatal(err)
			}
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
				t.Error("what was handed in again has no document to retry with")
			}
			s.advance(2 * time.Hour)
			w.must(queue.KindSweep, "3")
			if _, err := s.store.Get(t.Context(), archive.BodyName(inv.ID)); kept() || !errors.Is(err, archive.ErrNotFound) {
				t.Errorf("the document stays: %v", err)
			}
			s.admit(ledger.Bulk, doc)
			now := s.read(inv.ID)
			if err := s.ledger.Retry(t.Context(), &now); err != nil {
				t.Fatal(err)
			}
			w.must(queue.KindPackage, w.cut(inv.ID))
			if got := s.read(inv.ID); got.State != ledger.Sent {
				t.Errorf("retried it is %s (%s), want sent", got.State, got.Reason)
			}
		})
	}
}

// A large document is damaged in the archive and its invoice is parked. The file handed in again
// puts it right, and the invoice can go on.
func TestAdmit_LargeDocumentOfAParkedOneIsDamaged_HandedInAgainItGoes(t *testing.T) {
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
		t.Fatalf("it is %s, want parked", got.State)
	}
	s.admit(ledger.Bulk, s.large("A/3", 3))
	got := s.read(inv.ID)
	if err := s.ledger.Retry(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	w.must(queue.KindPackage, w.cut(inv.ID))
	if got := s.read(inv.ID); got.State != ledger.Sent {
		t.Errorf("it is %s (%s), want sent", got.State, got.Reason)
	}
}
