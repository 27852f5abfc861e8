package tasks_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// The ledger has forgotten an invoice, and the archive has lost everything of it but its receipt.
// Handed in again, the invoice counts as new and is sent. KSeF answers that it already has the
// invoice. The KSeF number is recovered, and the archive gets the invoice again.
func TestAdmit_OnlyTheReceiptIsLeft_KSeFRefusesTheSecondCopyAndTheArchiveHasItAgain(t *testing.T) {
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
	for _, name := range []string{archive.ResultName(inv.NIP, inv.IssueDate, inv.ID), archive.InvoiceName(inv.NIP, inv.IssueDate, inv.ID)} {
		if err := os.Remove(filepath.FromSlash(strings.TrimPrefix(s.store.URL(name), "file://"))); err != nil {
			t.Fatal(err)
		}
	}
	again := admit(doc)
	if again.Taken != ledger.Created {
		t.Fatalf("handed in again, the invoice is %+v, want it created", again)
	}
	pkg = s.sent(w, again.Invoice)
	end, _ := s.final(w, pkg, again.Invoice.ID)
	if end.State != ledger.Accepted || !end.Recovered || end.ID != inv.ID || end.KsefNumber != before.KsefNumber {
		t.Errorf("%s is %s as %s, recovered: %v (%s); want %s accepted as %s and recovered",
			end.ID, end.State, end.KsefNumber, end.Recovered, end.Reason, inv.ID, before.KsefNumber)
	}
	if n := len(s.sim.Books().Accepted); n != 1 {
		t.Errorf("KSeF accepted %d invoices, want 1", n)
	}
	w.receipt(pkg)
	kept, err := s.store.Get(t.Context(), archive.InvoiceName(inv.NIP, inv.IssueDate, inv.ID))
	if err != nil || string(kept) != string(doc) {
		t.Errorf("the archive has %d bytes of the invoice, want the document that was handed in; %v", len(kept), err)
	}
}
