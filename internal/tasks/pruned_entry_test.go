package tasks_test

import (
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// A file is handed in again after the sweep has pruned the entry of its invoice from the ledger.
// The archive still has the invoice, so the file is not sent again.
func TestSweep_PrunesWhatEndedLongAgo_TheSameFileIsNotSentAgain(t *testing.T) {
	const retention = 90 * 24 * time.Hour
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client(), func(o *tasks.Options) { o.Retention = retention })
	admitter := s.admitter()
	admitter.Retention = retention
	admit := func(doc []byte) intake.Admission {
		out, err := admitter.Admit(t.Context(), []intake.Document{{File: "a.xml", Data: doc}}, intake.Terms{Lane: ledger.Bulk})
		if err != nil || out[0].Err != nil {
			t.Fatal(err, out)
		}
		return out[0]
	}
	doc := s.good("A/1")
	inv := admit(doc).Invoice
	pkg := s.sent(w, inv)
	w.settle(pkg)
	w.receipt(pkg)
	before := s.read(inv.ID)
	s.advance(retention + 24*time.Hour)
	w.must(queue.KindSweep, "1")
	if known, err := s.ledger.Known(t.Context(), []string{inv.ID}); err != nil || known[0] {
		t.Fatalf("the sweep did not prune the entry, or the ledger could not be asked: %v", err)
	}
	got := admit(doc)
	if got.Taken != ledger.Present || !got.Archived || got.Invoice.State != ledger.Receipted ||
		got.Invoice.KsefNumber != before.KsefNumber || got.Invoice.UPO != before.UPO {
		t.Errorf("handed in again, the invoice is %+v, want it present, and receipted as the archive says", got)
	}
	if n, _, err := s.ledger.AtRisk(t.Context(), s.now()); n != 0 || err != nil {
		t.Errorf("%d invoices are at risk of missing their deadline, want none: %v", n, err)
	}
	// The ERP exports the same invoice again. The new file differs, so the invoice gets another id
	// and is sent. KSeF answers that it already has the invoice, and the KSeF number is recovered.
	second := admit(exportedAgain(t, doc))
	if second.Taken != ledger.Created {
		t.Fatalf("exported again, the invoice is taken as %+v, want it created", second)
	}
	pkg = s.sent(w, second.Invoice)
	end, _ := s.final(w, pkg, second.Invoice.ID)
	if end.State != ledger.Accepted || end.KsefNumber != before.KsefNumber || end.Hash != before.Hash {
		t.Errorf("the invoice is %s as %s, want accepted with the KSeF number and the hash of the first file: %s",
			end.State, end.KsefNumber, end.Reason)
	}
	if n := len(s.sim.Books().Accepted); n != 1 {
		t.Errorf("KSeF accepted %d invoices, want 1", n)
	}
}
