package tasks_test

import (
	"fmt"
	"testing"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// Thirteen invoices of one package are rejected and one is parked. The log has a line for each of
// ten rejected invoices and for the parked one. One more line counts the other three by their
// reason.
func TestEndedLog_ManyRejectedInOnePackage_TenHaveALineAndTheOthersAreCounted(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.InvoiceStatus, Number: "G/1", Code: 415}}})
	w := s.worker("w", s.client())
	ids := []string{s.admit(ledger.Bulk, s.good("G/1")).ID}
	for i := range 13 {
		ids = append(ids, s.admit(ledger.Bulk, s.bad(fmt.Sprintf("B/%d", i))).ID)
	}
	for _, id := range ids[1:] {
		w.must(queue.KindSubmit, id)
	}
	pkg := w.cut(ids[0])
	w.must(queue.KindPackage, pkg)
	w.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
	if n := s.log.count("invoice rejected; it waits for a person"); n != 10 {
		t.Errorf("%d lines about rejected invoices, want 10", n)
	}
	if !s.log.says(`"code":450,"reason":"semantic verification failed","invoices":3,"message":"more invoices rejected`) {
		t.Error("no line counts the other three rejected invoices by their reason")
	}
	if !s.log.says(`"code":415,"reason":"attachments are not allowed","id":"` + ids[0]) {
		t.Error("the parked invoice has no line")
	}
}

// An invoice is parked because KSeF refuses every session that contains it. The code of the invoice
// in the log is the code of those sessions. The log must not explain this code as if KSeF had given
// it to the invoice.
func TestEndedLog_ParkedBecauseOfItsSessions_NamesTheSessionsAsTheReason(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Poison, Number: "A/1", Code: 405}}})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.refuse(inv.ID, w.cut(inv.ID))
	other := w.cut(s.admit(ledger.Bulk, s.good("A/2")).ID)
	w.must(queue.KindPackage, other)
	w.until(queue.KindConfirm, other, func() bool { return s.pkg(other).State == ledger.PackageSettled })
	for refusals := 0; pkg != "" && refusals < 20; refusals++ {
		pkg = w.refuse(inv.ID, pkg)
	}
	if !s.log.says(`"code":405,"reason":"KSeF refuses every session that contains it","id":"` + inv.ID) {
		t.Errorf("the log does not name the refused sessions as the reason; the invoice is %s: %s",
			s.read(inv.ID).State, s.read(inv.ID).Reason)
	}
}
