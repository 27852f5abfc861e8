package tasks_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/simulator"
)

// 150 of the 180 single sends of the hour are used, and 36 are kept for invoices that were
// submitted as express. An invoice that the pool itself would choose for express finds no place. It
// must not be chosen again and again.
func TestLanes_HourNearlyUsedUp_AutoInvoiceStaysInItsWaitingSet(t *testing.T) {
	s := newStage(t, simulator.Options{})
	c := s.limit(hourLimits(map[string]int{ratelimit.GroupInvoiceSend: 180, ratelimit.GroupBatchSession: 60}))
	c.use(t, s.nip(), ratelimit.GroupInvoiceSend, 150)
	c.use(t, s.nip(), ratelimit.GroupBatchSession, 60) // so that the invoice stays in its waiting set
	w := s.worker("w", s.limitedClient(c), asConfigured)
	inv := s.admit(ledger.Auto, s.good("A/1"))
	w.must(queue.KindSubmit, inv.ID)
	for range 55 * 20 {
		s.advance(3 * time.Second)
		w.step(&inv)
	}
	if got := s.read(inv.ID); got.State != ledger.Queued || got.Rev-inv.Rev > 4 {
		t.Errorf("after 55 minutes the invoice is %s after %d moves, want queued after 4 at most", got.State, got.Rev-inv.Rev)
	}
	s.advance(6 * time.Minute) // the hour is over
	w.step(&inv)
	w.step(&inv)
	if got := s.read(inv.ID); got.State != ledger.Sent || got.Rev-inv.Rev > 8 {
		t.Errorf("when places are free, the invoice is %s after %d moves, want sent after 8 at most", got.State, got.Rev-inv.Rev)
	}
}

// The waitlist counts too, because the next places belong to the tasks that stand on it.
func TestLanes_ManyOnTheWaitlist_AutoInvoiceDoesNotTakeTheirPlaces(t *testing.T) {
	s := newStage(t, simulator.Options{})
	c := s.limit(hourLimits(map[string]int{ratelimit.GroupInvoiceSend: 180, ratelimit.GroupBatchSession: 60}))
	c.use(t, s.nip(), ratelimit.GroupInvoiceSend, 142)
	for i := range 200 {
		ctx := ratelimit.With(t.Context(), ratelimit.Ticket(string(rune('a'+i))), ratelimit.Reserve(1), ratelimit.Share(0.2))
		_ = c.Join(ctx, s.nip(), ratelimit.GroupInvoiceSend)
	}
	w := s.worker("w", s.limitedClient(c), asConfigured)
	inv := s.admit(ledger.Auto, s.good("A/1"))
	w.must(queue.KindSubmit, inv.ID)
	before := s.read(inv.ID).Rev
	s.advance(3 * time.Second)
	ctx := ratelimit.With(t.Context(), ratelimit.Reserve(1), ratelimit.Share(0.2))
	if wait, err := c.Peek(ctx, s.nip(), ratelimit.GroupInvoiceSend); wait > 0 || err != nil {
		t.Fatalf("no place is free (%s, %v): this test proves nothing", wait, err)
	}
	w.must(queue.KindCut, inv.WaitingGroup().Name())
	if got := s.read(inv.ID); got.Rev != before {
		t.Errorf("the invoice was chosen for express, want it left in its waiting set: it is %s in lane %s", got.State, got.Lane)
	}
}

// step runs the task that the invoice's state asks for.
func (a *actor) step(inv *ledger.Invoice) {
	a.s.t.Helper()
	switch got := a.s.read(inv.ID); {
	case got.Group != "":
		a.must(queue.KindCut, got.Group)
	case got.State == ledger.Queued:
		_ = a.run(queue.KindSend, inv.ID)
	case got.State == ledger.Packed:
		_ = a.run(queue.KindPackage, got.Package)
	}
}

func TestLanes_ExpressTurnComesAfterTheLegalDeadline_GoesByBulkWithAReason(t *testing.T) {
	for _, c := range []struct {
		why            string
		due            time.Duration
		sends, batches int // how many are used in this hour
		bulk           bool
	}{
		{"its turn comes in time", 2 * time.Hour, 180, 0, false},
		{"its turn comes too late", 30 * time.Minute, 180, 0, true},
		{"its deadline is over, and its turn comes in an hour", -time.Hour, 180, 0, true},
		{"a package would have to wait as long", 30 * time.Minute, 180, 60, false},
		{"a place for a single send is free", 30 * time.Minute, 0, 0, false},
	} {
		t.Run(strings.ReplaceAll(c.why, " ", "_"), func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			l := s.limit(hourLimits(map[string]int{ratelimit.GroupInvoiceSend: 180, ratelimit.GroupBatchSession: 60}))
			l.use(t, s.nip(), ratelimit.GroupInvoiceSend, c.sends)
			l.use(t, s.nip(), ratelimit.GroupBatchSession, c.batches)
			w := s.worker("w", s.limitedClient(l), asConfigured)
			inv := s.admit(ledger.Express, s.good("A/1"))
			if err := s.setDeadline(inv.ID, s.now().Add(c.due)); err != nil {
				t.Fatal(err)
			}
			w.must(queue.KindSubmit, inv.ID)
			_ = w.run(queue.KindSend, inv.ID)
			got := s.read(inv.ID)
			if (got.Lane == ledger.Bulk) != c.bulk || (got.Group != "") != c.bulk {
				t.Fatalf("the invoice is in lane %s and waits in set %q; want it in lane bulk and in a set: %v",
					got.Lane, got.Group, c.bulk)
			}
			if !c.bulk {
				return
			}
			if !strings.Contains(got.Reason, "legal deadline") || !s.log.says("goes by bulk") {
				t.Errorf("the reason is %q, want it to name the legal deadline; the log says that the invoice goes by bulk: %v, want true",
					got.Reason, s.log.says("goes by bulk"))
			}
			s.advance(time.Minute)
			for range 2 {
				w.step(&inv)
			}
			if got := s.read(inv.ID); got.State != ledger.Sent {
				t.Errorf("a minute later the invoice is %s, want sent", got.State)
			}
		})
	}
}

// setDeadline moves the legal deadline. Handing the document in with another deadline has the same
// effect.
func (en *entries) setDeadline(id string, at time.Time) error {
	inv := en.read(id)
	return en.ledger.ChangeTerms(en.t.Context(), &inv, ledger.NewTerms{Deadline: ledger.At(at)})
}
