package tasks_test

import (
	"fmt"
	"testing"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/simulator"
)

// toMidnight moves the clocks forward until the next midnight in Warsaw is the given time away. It
// returns that midnight.
func (po *paths) toMidnight(before time.Duration) time.Time {
	po.t.Helper()
	y, m, d := po.now().Add(before).In(invoice.Warsaw()).Date()
	midnight := time.Date(y, m, d+1, 0, 0, 0, 0, invoice.Warsaw())
	po.advance(midnight.Add(-before).Sub(po.now()))
	return midnight
}

// Invoices with today's P_1 trickle in during the last ten minutes of the day, when 52 of the
// hour's 60 sessions are used. KSeF marks an invoice offline if it is in no session by midnight. So
// the packages must be few, and all of them must be opened in time.
func TestMidnight_TrickleUntilMidnight_FewPackagesAllOpenedAndMarkedOnline(t *testing.T) {
	s := newStage(t, simulator.Options{})
	midnight := s.toMidnight(20 * time.Minute)
	c := s.limit(nil)
	for range 52 { // they stay used until after midnight
		c.use(t, s.nip(), ratelimit.GroupBatchSession, 1)
		s.advance(4 * time.Second)
	}
	s.advance(midnight.Add(-10 * time.Minute).Sub(s.now()))
	w := s.worker("w", s.limitedClient(c), asConfigured)
	var group string
	came := 0
	for s.now().Before(midnight.Add(-time.Second)) {
		if came++; came%2 == 0 {
			inv := s.admit(ledger.Bulk, s.goodToday(fmt.Sprint("T/", came)))
			w.must(queue.KindSubmit, inv.ID)
			group = inv.WaitingGroup().Name()
		}
		if group != "" {
			w.must(queue.KindCut, group)
		}
		for _, p := range s.packages(ledger.PackageCut) {
			_ = w.run(queue.KindPackage, p.ID)
		}
		s.advance(time.Second)
	}
	if left := s.packages(ledger.PackageCut); len(left) > 0 {
		t.Errorf("%d packages were cut and not opened, want none", len(left))
	}
	sent := 0
	books := s.sim.Books()
	for _, e := range books.Sessions {
		sent += e.Invoices
		if !e.Opened.Before(midnight) {
			t.Errorf("a session was opened at %s, want all before midnight", e.Opened)
		}
	}
	t.Logf("%d packages with %d of %d invoices", len(books.Sessions), sent, came/2)
	if len(books.Sessions) > 7 || sent < came/2-3 {
		t.Errorf("%d packages with %d of %d invoices, want at most 7 packages, and at most 3 invoices left out",
			len(books.Sessions), sent, came/2)
	}
	if len(books.Accepted) != sent {
		t.Errorf("KSeF accepted %d of the sent invoices, want all", len(books.Accepted))
	}
	for _, a := range books.Accepted {
		if a.Mode != "online" {
			t.Errorf("%s is marked %s, want online", a.Number, a.Mode)
		}
	}
}

// A package that gets no session before midnight goes back to its waiting set. There its invoices
// wait with others for the next session. At any other time, a package whose session comes in 50
// seconds waits as a package.
func TestMidnight_NoSessionBeforeMidnight_ThePackageGoesBackToItsWaitingSet(t *testing.T) {
	for _, c := range []struct {
		before time.Duration
		want   ledger.State
	}{{40 * time.Second, ledger.Queued}, {10 * time.Minute, ledger.Packed}} {
		s := newStage(t, simulator.Options{})
		l := s.limit(hourLimits(map[string]int{ratelimit.GroupBatchSession: 60}))
		midnight := s.toMidnight(20 * time.Minute)
		w := s.worker("w", s.limitedClient(l), asConfigured)
		invs := s.queueBulk(w, "A", 5)
		s.advance(3 * time.Second)
		w.must(queue.KindCut, invs[0].WaitingGroup().Name())
		cut := s.packages(ledger.PackageCut)
		if len(cut) != 1 {
			t.Fatalf("%d packages were cut, want one", len(cut))
		}
		s.advance(midnight.Add(-c.before).Sub(s.now()))
		if err := l.Freeze(t.Context(), s.nip(), ratelimit.GroupBatchSession, 50*time.Second, ratelimit.CauseThrottled); err != nil {
			t.Fatal(err)
		}
		_ = w.run(queue.KindPackage, cut[0].ID)
		if got := s.read(invs[0].ID); got.State != c.want {
			t.Errorf("%s before midnight the invoice is %s, want %s", c.before, got.State, c.want)
		}
	}
}
