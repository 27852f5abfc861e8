package tasks_test

import (
	"fmt"
	"strings"
	"testing"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// KSeF refuses a send because of its session. The invoice goes into a second session, where KSeF
// accepts it. No failure is counted.
func TestSend_RefusedBecauseOfItsSession_GoesIntoAnotherAndNoFailureIsCounted(t *testing.T) {
	for code, what := range map[int]string{
		ksef.CodeSessionFull: "full", ksef.CodeNoSession: "not known right after it was opened",
		ksef.CodeSessionForbids: "closed", ksef.CodeSessionPaused: "paused for service",
	} {
		t.Run(fmt.Sprint(code, " ", what), func(t *testing.T) {
			t.Parallel()
			s, client := newDirectStage(t, simulator.Options{Faults: []simulator.Fault{
				{Kind: simulator.Refused, On: "send", Code: code, OneSession: true, Times: -1},
			}})
			w := s.worker("w", client)
			inv := s.admit(ledger.Express, s.good("A/1"))
			err := w.run(queue.KindSend, inv.ID)
			if v := retry.Judge(err); v.Action != retry.Later || v.Delay <= 0 || !strings.Contains(err.Error(), fmt.Sprint(code)) {
				t.Fatalf("the verdict is %+v (%v), want later, after a pause, with KSeF's code in the error", v, err)
			}
			got := s.read(inv.ID)
			if got.State != ledger.Queued || got.Package != "" || got.FailedSessions+got.Resends != 0 || got.Lane != ledger.Express {
				t.Fatalf("the invoice is %s, lane %s, in %q, with %d failed sessions, want queued, express, in no package, with none: %s",
					got.State, got.Lane, got.Package, got.FailedSessions, got.Reason)
			}
			w.must(queue.KindSend, inv.ID)
			pkg := s.read(inv.ID).Package
			if err := w.Stop(t.Context()); err != nil { // closes both sessions
				t.Fatal(err)
			}
			w.until(queue.KindConfirm, pkg, func() bool { return s.read(inv.ID).State == ledger.Accepted })
			if b := s.sim.Books(); len(b.Accepted) != 1 || len(b.Rejected) != 0 || len(b.Sessions) != 2 {
				t.Errorf("%d sessions, KSeF accepted %d invoices and rejected %d, want 2, 1 and 0",
					len(b.Sessions), len(b.Accepted), len(b.Rejected))
			}
		})
	}
}

// KSeF refuses every send because of its session, so the cause is not one single session. After
// five such sends the invoice goes in a package.
func TestSend_EverySessionRefuses_InvoiceGoesInAPackage(t *testing.T) {
	s, client := newDirectStage(t, simulator.Options{Faults: []simulator.Fault{
		{Kind: simulator.Refused, On: "send", Code: ksef.CodeSessionPaused, Times: -1},
	}})
	w := s.worker("w", client)
	inv := s.admit(ledger.Express, s.good("A/1"))
	sends := 0
	for ; s.read(inv.ID).Lane == ledger.Express && sends < 10; sends++ {
		if err := w.run(queue.KindSend, inv.ID); err != nil && retry.Judge(err).Action != retry.Later {
			t.Fatal(err)
		}
	}
	if got := s.read(inv.ID); sends != 5 || got.Lane != ledger.Bulk || got.State != ledger.Queued {
		t.Fatalf("after %d sends the invoice is %s, lane %s, want it queued in the bulk lane after 5: %s",
			sends, got.State, got.Lane, got.Reason)
	}
	pkg := w.cut(inv.ID)
	w.must(queue.KindPackage, pkg)
	w.until(queue.KindConfirm, pkg, func() bool { return s.read(inv.ID).State == ledger.Accepted })
	s.acceptedOnce(1)
}
