package tasks_test

import (
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/simulator"
)

// In this hour, the tenant may make more single sends, but it may open no more online sessions. The
// deadline is before the end of the hour. So the invoice has to go in a package.
func TestLanes_OnlineSessionsUsedUp_DeadlineKeptInBatch(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Express, ledger.Auto} {
		t.Run(string(lane), func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			l := s.limit(hourLimits(map[string]int{
				ratelimit.GroupOnlineSession: 120,
				ratelimit.GroupInvoiceSend:   180,
				ratelimit.GroupBatchSession:  60,
			}))
			w := s.worker("w", s.limitedClient(l), asConfigured)
			inv := s.admit(lane, s.good("A/1"))
			if err := s.setDeadline(inv.ID, s.now().Add(30*time.Minute)); err != nil {
				t.Fatal(err)
			}
			w.must(queue.KindSubmit, inv.ID)
			if lane == ledger.Auto { // it is chosen for express while a session may be opened
				s.advance(3 * time.Second)
				w.step(&inv)
				t.Logf("chosen: %+v", s.read(inv.ID).Chosen)
			}
			l.use(t, s.nip(), ratelimit.GroupOnlineSession, 120)
			for range 55 {
				got := s.read(inv.ID)
				switch {
				case got.Group != "":
					_ = w.run(queue.KindCut, got.Group)
				case got.State == ledger.Queued:
					_ = w.run(queue.KindSend, inv.ID)
				case got.State == ledger.Packed:
					_ = w.run(queue.KindPackage, got.Package)
				}
				s.advance(time.Minute)
			}
			got := s.read(inv.ID)
			t.Logf("after 55 minutes (deadline after 30) the invoice is %s in lane %s, chosen: %v, group %q, reason %q",
				got.State, got.Lane, got.Chosen, got.Group, got.Reason)
			if got.State == ledger.Queued {
				t.Errorf("the deadline passed and the invoice is still queued although 60 batch sessions were free, want it sent in one")
			}
		})
	}
}
