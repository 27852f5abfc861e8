package tasks_test

import (
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// Two online sessions are cancelled, one after the other. Each ends with code 440, which is also
// the code of a duplicate. After each session the invoice is sent again, and the register is never
// asked for an original.
func TestExpress_SessionCancelledAgainAndAgain_NothingCountsAsADuplicate(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionRefused, Lane: "online", Code: 440, Times: 2}}})
	inv := s.admit(ledger.Express, s.good("A/1"))
	for range 2 {
		w := s.worker("w", s.client())
		pkg := s.sent(w, s.read(inv.ID))
		w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Second); return s.read(inv.ID).State == ledger.Queued })
		if got := s.read(inv.ID); got.Code != 440 || got.OriginalBy != "" {
			t.Fatalf("after a cancelled session the invoice has code %d and original %q, want 440 and none: %s",
				got.Code, got.OriginalBy, got.Reason)
		}
	}
	w := s.worker("w", s.client())
	pkg := s.sent(w, s.read(inv.ID))
	w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Second); return s.read(inv.ID).State == ledger.Accepted })
	if asked := s.sim.Books().Requests["invoiceMetadata"]; asked > 0 {
		t.Errorf("the register was asked %d times, want never", asked)
	}
}
