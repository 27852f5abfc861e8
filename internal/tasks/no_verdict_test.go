package tasks_test

import (
	"fmt"
	"testing"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// The fate of a session as a whole says nothing about an invoice in it. After two online sessions
// without an answer about the invoice itself, the invoice goes in a package. No resend is counted.
func TestNoVerdict_OnlineSessionsFail_InvoiceGoesInAPackageAndNoResendIsCounted(t *testing.T) {
	for why, fault := range map[string]simulator.Fault{
		"every online session fails": {Kind: simulator.SessionRefused, Lane: "online", Code: 500, Times: -1},
		"no send ever arrives":       {Kind: simulator.DropRequest, On: "send", Times: -1},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{Faults: []simulator.Fault{fault}})
			inv := s.admit(ledger.Express, s.good("A/1"))
			sessions := 0
			for ; s.read(inv.ID).Lane == ledger.Express && sessions < 10; sessions++ {
				w := s.worker(fmt.Sprint("w", sessions), s.client())
				w.must(queue.KindSend, inv.ID)
				pkg := s.read(inv.ID).Package
				if err := w.Stop(t.Context()); err != nil { // closes the session
					t.Fatal(err)
				}
				w.untilSilent(pkg, func() bool { return s.read(inv.ID).Package != pkg })
				if got := s.read(inv.ID); got.State != ledger.Queued {
					t.Fatalf("after %d sessions the invoice is %s, want queued: %s", sessions+1, got.State, got.Reason)
				}
			}
			if got := s.read(inv.ID); sessions != 2 || got.Resends != 0 {
				t.Fatalf("after %d online sessions the invoice is %s in lane %s with %d resends, want bulk after 2, with no resend",
					sessions, got.State, got.Lane, got.Resends)
			}
			w := s.worker("bulk", s.client())
			pkg := w.cut(inv.ID)
			w.must(queue.KindPackage, pkg)
			w.until(queue.KindConfirm, pkg, func() bool { return s.read(inv.ID).State == ledger.Accepted })
		})
	}
}

// KSeF answers 550 about the invoice itself. So each further send counts as a resend, in the
// express lane too. After four sessions the invoice is parked.
func TestNoVerdict_AnswerIsAboutTheInvoice_ResendsAreCountedAndEnd(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.InvoiceStatus, Number: "A/1", Code: 550, Times: -1}}})
	inv := s.admit(ledger.Express, s.good("A/1"))
	for round := 0; s.read(inv.ID).State == ledger.Queued && round < 10; round++ {
		w := s.worker(fmt.Sprint("w", round), s.client())
		w.must(queue.KindSend, inv.ID)
		pkg := s.read(inv.ID).Package
		if err := w.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.until(queue.KindConfirm, pkg, func() bool {
			got := s.read(inv.ID)
			return got.Package != pkg || got.State == ledger.Parked
		})
	}
	if got := s.read(inv.ID); got.State != ledger.Parked || got.Attempts != 4 || got.FailedSessions != 0 {
		t.Errorf("the invoice is %s after %d sessions, of which %d count as failed, want parked after 4, none failed: %s",
			got.State, got.Attempts, got.FailedSessions, got.Reason)
	}
}

// The list of a processed session leaves an invoice out. That does not prove that KSeF lacks the
// invoice. The session's receipt has it, so it is accepted.
func TestNoVerdict_ListLeavesTheInvoiceOut_TheReceiptDecides(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = hide("A/1")
	w := s.worker("w", client)
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(inv.ID)
	w.must(queue.KindPackage, pkg)
	w.until(queue.KindConfirm, pkg, func() bool { return s.read(inv.ID).State == ledger.Accepted })
	if got := s.read(inv.ID); got.KsefNumber != s.sim.Books().Accepted[0].KsefNumber || got.Attempts != 1 {
		t.Errorf("the invoice is accepted as %s after %d sessions, want KSeF's number after one session", got.KsefNumber, got.Attempts)
	}
}
