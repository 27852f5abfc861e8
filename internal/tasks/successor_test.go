package tasks_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// decided sends an invoice in a package of its own, and returns the invoice once it is decided.
func (po *paths) decided(w *actor, inv ledger.Invoice) ledger.Invoice {
	po.t.Helper()
	pkg := po.sent(w, inv)
	now, _ := po.final(w, pkg, inv.ID)
	return now
}

// KSeF has another document under the number of an invoice. Somebody hands in the document that
// KSeF has. This document is accepted, and the invoice that was in conflict with it is superseded.
func TestRecover_DocumentThatKSeFHasIsHandedIn_AcceptedAndTheConflictSuperseded(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	theirs := s.seeded("A/1", 1)
	original := s.known(w, theirs)[0]
	ours := s.decided(w, s.admit(ledger.Bulk, s.seeded("A/1", 2)))
	if ours.State != ledger.Parked || !strings.Contains(ours.Reason, "hand that document in, or dismiss this invoice") {
		t.Fatalf("the invoice in conflict is %s, want parked: %s", ours.State, ours.Reason)
	}
	got := s.decided(w, s.admit(ledger.Bulk, theirs))
	if got.State != ledger.Accepted || !got.Recovered || got.Revision != 2 ||
		got.KsefNumber != original.KsefNumber || got.Hash != original.Hash {
		t.Errorf("KSeF's document is %s as %s, recovered %v, revision %d, want accepted as the original, recovered, revision 2",
			got.State, got.KsefNumber, got.Recovered, got.Revision)
	}
	if now := s.read(ours.ID); now.State != ledger.Superseded {
		t.Errorf("the invoice in conflict is %s, want superseded", now.State)
	}
}

// KSeF has a parked invoice, but the ledger does not know that. When a corrected document of the
// same number is sent, KSeF answers 440. The corrected document is parked as a conflict, and does
// not become a second invoice. The first invoice is retried and accepted.
func TestAdmit_ParkedInvoiceIsInKSeF_SuccessorIsAConflictAndNothingIsSentTwice(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	first := s.admit(ledger.Bulk, s.seeded("A/1", 1))
	pkg := s.sent(w, first)
	s.losePackage(pkg)
	w.must(queue.KindSweep, "1")
	if got := s.read(first.ID); got.State != ledger.Parked {
		t.Fatalf("the first invoice is %s, want parked, so this test proves nothing", got.State)
	}
	second := s.decided(w, s.admit(ledger.Bulk, s.seeded("A/1", 2)))
	if second.State != ledger.Parked || !strings.HasPrefix(second.Reason, "conflict") {
		t.Fatalf("the successor is %s, want parked: %s", second.State, second.Reason)
	}
	again := s.read(first.ID)
	if err := s.ledger.Retry(t.Context(), &again); err != nil {
		t.Fatal(err)
	}
	got := s.decided(w, ledger.Invoice{Facts: ledger.Facts{ID: first.ID}, Lane: ledger.Bulk})
	if got.State != ledger.Accepted || !got.Recovered {
		t.Errorf("the first invoice is %s, recovered: %v, want accepted and recovered: %s", got.State, got.Recovered, got.Reason)
	}
	if now := s.read(second.ID); now.State != ledger.Superseded {
		t.Errorf("the successor is %s, want superseded", now.State)
	}
	if n := len(s.sim.Books().Accepted); n != 1 {
		t.Errorf("KSeF accepted %d invoices, want 1", n)
	}
}

// The tasks of a dismissed invoice, and a cut that was about to take it, do nothing.
func TestDismissed_ItsQueuedTasks_DoNothing(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
		t.Run(string(lane), func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			inv := s.admit(lane, s.good("A/1"))
			if lane == ledger.Bulk {
				w.must(queue.KindSubmit, inv.ID)
			}
			waits := s.read(inv.ID)
			if err := s.ledger.Dismiss(t.Context(), &waits, ledger.Dismissal{By: "anna", Reason: "cancelled"}); err != nil {
				t.Fatal(err)
			}
			w.must(queue.KindSubmit, inv.ID)
			w.must(queue.KindSend, inv.ID)
			w.must(queue.KindCut, waits.WaitingGroup().Name())
			s.advance(2 * time.Minute)
			w.must(queue.KindSweep, "1")
			if got := s.read(inv.ID); got.State != ledger.Dismissed || got.Rev != waits.Rev+1 {
				t.Errorf("the invoice is %s at revision %d, want dismissed and nothing written after that", got.State, got.Rev)
			}
			if r := s.result(inv); r.State != "dismissed" || !strings.Contains(r.Reason, "by anna: cancelled") {
				t.Errorf("the archived result is %+v, want dismissed by anna", r)
			}
			if n := len(s.sim.Books().Requests); n != 0 {
				t.Errorf("KSeF got the requests %v, want none", s.sim.Books().Requests)
			}
		})
	}
}

// A worker of an older build accepted a corrected document and left the rejected first document as
// it was. The sweep supersedes the first document.
func TestSweep_AcceptedByAnOlderBuild_TheOtherDocumentIsSupersededLater(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	first := s.decided(w, s.admit(ledger.Bulk, s.bad("A/1")))
	if first.State != ledger.Rejected {
		t.Fatalf("the first document is %s, want rejected, so this test proves nothing", first.State)
	}
	stays := s.decided(w, s.admit(ledger.Bulk, s.bad("A/2")))
	second := s.admit(ledger.Bulk, s.good("A/1"))
	// An unknown state hides the entry of the first document from this build, while the corrected
	// document is accepted. So that entry stays as it was, as under an older build.
	key := "ksef:inv:" + first.ID
	if err := s.rdb.HSet(t.Context(), key, "state", "hidden").Err(); err != nil {
		t.Fatal(err)
	}
	if got := s.decided(w, second); got.State != ledger.Accepted {
		t.Fatalf("the corrected document is %s, want accepted", got.State)
	}
	if err := s.rdb.HSet(t.Context(), key, "state", "rejected").Err(); err != nil {
		t.Fatal(err)
	}
	s.advance(2 * time.Minute)
	w.must(queue.KindSweep, "1")
	if got := s.read(first.ID); got.State != ledger.Superseded {
		t.Errorf("the first document is %s, want superseded", got.State)
	}
	if got := s.read(stays.ID); got.State != ledger.Rejected {
		t.Errorf("the invoice of another number is %s, want rejected", got.State)
	}
}
