package tasks_test

import (
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// KSeF refuses a close with 21180, because the session's status forbids it. The client takes that
// to mean that the session was closed before. Here it was not, so it stays open, and KSeF would
// cancel it after twelve hours. The worker closes it once more.
func TestClose_StatusForbidsItAndTheSessionStaysOpen_ClosedOnceMoreAndAcceptedOnce(t *testing.T) {
	s, client := newDirectStage(t, simulator.Options{Faults: []simulator.Fault{
		{On: "close", Kind: simulator.Refused, Code: 21180}}})
	w := s.worker("w", client)
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(inv.ID)
	w.must(queue.KindPackage, pkg)
	_ = w.run(queue.KindConfirm, pkg)
	if p := s.pkg(pkg); p.State != ledger.PackageProcessing {
		t.Fatalf("the package is %s, want processing", p.State)
	}
	s.advance(3 * time.Minute)
	_ = w.run(queue.KindConfirm, pkg) // closes the session
	w.until(queue.KindConfirm, pkg, func() bool { return s.read(inv.ID).State == ledger.Accepted })
	if s.read(inv.ID).Package != pkg {
		t.Error("the invoice was sent in another session, want it accepted in the first")
	}
	s.acceptedOnce(1)
}

// A session says for twelve hours that it is open. The worker polls it every five minutes, but
// closes it only a few times, because each close counts against the tenant's limits.
func TestClose_SessionSaysOpenForTwelveHours_ClosedAFewTimes(t *testing.T) {
	s, client := newDirectStage(t, simulator.Options{Delay: 48 * time.Hour})
	w := s.worker("w", client)
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(inv.ID)
	w.must(queue.KindPackage, pkg)
	polls := 0
	for began := s.now(); s.now().Sub(began) < 12*time.Hour; s.advance(5 * time.Minute) {
		_ = w.run(queue.KindConfirm, pkg)
		polls++
	}
	requests := s.sim.Books().Requests
	if closes := requests["batchSessionClose"]; closes < 5 || closes > 12 {
		t.Errorf("%d closes in %d polls, want 5 to 12 closes; all requests: %v", closes, polls, requests)
	}
}
