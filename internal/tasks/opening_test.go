package tasks_test

import (
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// The tenant may open one more session in this hour. Ordinary packages leave the last session to
// urgent packages. So an ordinary waiting set is not cut. Otherwise its package would find no
// session, and the invoices would go back to the set, again and again.
func TestOpening_OneSessionLeft_OrdinarySetsAreNotCutForIt(t *testing.T) {
	s := newStage(t, simulator.Options{})
	s.toMidnight(12 * time.Hour)
	c := s.limit(hourLimits(map[string]int{ratelimit.GroupBatchSession: 60}))
	c.use(t, s.nip(), ratelimit.GroupBatchSession, 59)
	w := s.worker("w", s.limitedClient(c), asConfigured)
	invs := s.queueBulk(w, "A", 5)
	group := invs[0].WaitingGroup().Name()
	rev := s.read(invs[0].ID).Rev
	for range 50 {
		s.advance(time.Minute)
		w.must(queue.KindCut, group)
	}
	if got := s.read(invs[0].ID); got.Rev != rev {
		t.Errorf("the invoice is %s at revision %d, want it to wait unmoved at revision %d", got.State, got.Rev, rev)
	}
	urgent := s.worker("urgent", s.limitedClient(c), asConfigured, func(o *tasks.Options) { o.DeadlineNear = 96 * time.Hour })
	urgent.must(queue.KindCut, group)
	cut := s.packages(ledger.PackageCut)
	if len(cut) != 1 {
		t.Fatalf("%d packages were cut, want one, the urgent one", len(cut))
	}
	urgent.must(queue.KindPackage, cut[0].ID)
}

// In the hour before midnight some sessions are kept for the packages that are cut in the last five
// minutes. Another package does not use these sessions, even if it was cut before they were kept.
func TestOpening_HourBeforeMidnight_SessionsAreKeptForTheCutsOfMidnight(t *testing.T) {
	s := newStage(t, simulator.Options{})
	midnight := s.toMidnight(66 * time.Minute)
	c := s.limit(hourLimits(map[string]int{ratelimit.GroupBatchSession: 60}))
	w := s.worker("w", s.limitedClient(c), asConfigured)
	invs := s.queueBulk(w, "A", 5)
	group := invs[0].WaitingGroup().Name()
	s.advance(3 * time.Second)
	w.must(queue.KindCut, group)
	cut := s.packages(ledger.PackageCut)
	s.advance(2 * time.Minute)
	c.use(t, s.nip(), ratelimit.GroupBatchSession, 55)
	w.must(queue.KindPackage, cut[0].ID)
	if got := s.read(invs[0].ID); got.State != ledger.Queued {
		t.Errorf("an hour before midnight the invoice is %s, want queued", got.State)
	}
	s.advance(midnight.Add(-6 * time.Minute).Sub(s.now()))
	w.must(queue.KindCut, group)
	if cut := s.packages(ledger.PackageCut); len(cut) > 0 {
		t.Errorf("a package was cut six minutes before midnight")
	}
	s.advance(time.Minute)
	w.must(queue.KindCut, group)
	if cut = s.packages(ledger.PackageCut); len(cut) != 1 {
		t.Fatalf("%d packages were cut five minutes before midnight, want one", len(cut))
	}
	w.must(queue.KindPackage, cut[0].ID)
	if got := s.read(invs[0].ID); got.State != ledger.Sent {
		t.Errorf("after the cut five minutes before midnight the invoice is %s, want sent", got.State)
	}
}
