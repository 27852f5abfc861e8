package app_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// A rejected invoice is corrected. The corrected document is accepted, no item stays open, and the
// archive says what happened to the first document.
func TestOutcomes_RejectedThenFixed_IsSupersededInLedgerAndArchive(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	p.work()
	nip := sample.NIP(0)
	first := p.wait(60*time.Second, p.admit(intake.Terms{}, bad(nip, sample.MissingTotal, "FV/1")), ledger.Rejected)[0]
	if open, err := p.base.Ledger.OpenItems(t.Context()); err != nil || open["rejected"] != 1 {
		t.Errorf("open items before the correction: %v, %v, want one that is rejected", open, err)
	}
	taken := p.admit(intake.Terms{}, document(sample.Options{SellerNIP: nip, Number: "FV/1"}))
	if taken[0].Invoice.Revision != 2 {
		t.Fatalf("the corrected document is %+v, want revision 2", taken[0])
	}
	p.wait(60*time.Second, taken, ledger.Receipted, ledger.Superseded)
	now, err := p.base.Ledger.Invoice(t.Context(), first.ID)
	if err != nil || now.State != ledger.Superseded || now.Code != first.Code || now.Reason != first.Reason {
		t.Errorf("the first document is %s %d %q (%v), want it superseded, with the code and reason of its rejection",
			now.State, now.Code, now.Reason, err)
	}
	if open, err := p.base.Ledger.OpenItems(t.Context()); err != nil || open["rejected"]+open["parked"]+open["refused"] != 0 {
		t.Errorf("open items after the correction: %v, %v, want none", open, err)
	}
	until(t, time.Minute, "the archive says that the first document is superseded", func() bool {
		return strings.Contains(string(p.archived(archive.ResultName(nip, first.IssueDate, first.ID))), `"state": "superseded"`)
	})
	p.balanced(1)
}
