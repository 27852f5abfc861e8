package tasks_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/simulator"
)

// pausing is a budget that records for how long tenants were paused.
type pausing struct {
	noLimits
	mu     sync.Mutex
	pauses []time.Duration
}

func (p *pausing) Pause(_ context.Context, _ string, d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pauses = append(p.pauses, d)
	return nil
}

// The tenant has the key of another taxpayer, so KSeF answers 410 to all 30 invoices. No invoice is
// parked. The tenant is paused, longer each time. With the right key all invoices go through.
func TestDenied_EveryInvoiceOfATenant_TheTenantIsPausedAndNothingIsParked(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.InvoiceStatus, Code: 410, Times: 60}}})
	b := &pausing{}
	s.budget = b
	w := s.worker("w", s.client())
	ids, invs := s.admitMany(30)
	for round := range 2 {
		pkg := s.sent(w, invs...)
		s.drive(w, pkg, time.Hour, func() bool { return s.pkg(pkg).State == ledger.PackageSettled || !s.pkg(pkg).State.Live() })
		if n := s.states(ids); n[ledger.Queued] != 30 {
			t.Fatalf("after round %d the invoices are %v, want 30 queued: %s", round, n, s.read(ids[0]).Reason)
		}
		if got := s.read(ids[0]); got.Code != 410 || !strings.Contains(got.Reason, "key_file") || got.Resends != 0 {
			t.Errorf("a denied invoice has code %d and %d resends, want 410, none, and key_file in the reason: %s",
				got.Code, got.Resends, got.Reason)
		}
		for i := range invs {
			invs[i] = s.read(ids[i])
		}
	}
	if len(b.pauses) != 2 || b.pauses[1] <= b.pauses[0] {
		t.Errorf("the tenant was paused for %v, want two pauses, the second longer than the first", b.pauses)
	}
	if !s.log.says("410") {
		t.Error("the log does not name the code 410")
	}
	pkg := s.sent(w, invs...) // with the right key
	s.drive(w, pkg, time.Hour, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
	if n := s.states(ids); n[ledger.Accepted] != 30 {
		t.Errorf("with the right key the invoices are %v, want 30 accepted", n)
	}
	if known, err := s.ledger.Tenant(t.Context(), s.nip()); err != nil || known.Denials != 0 {
		t.Errorf("after an acceptance the tenant still has denials, want none: %+v, %v", known, err)
	}
}

// KSeF denies one invoice of a session and accepts the other. Only the denied invoice is parked,
// and the tenant is not paused.
func TestDenied_OneAmongOthersThatGoThrough_ItIsParked(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
		t.Run(string(lane), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{Faults: []simulator.Fault{{
				Kind: simulator.InvoiceStatus, Number: "A/1", Code: 410, Times: -1,
			}}})
			b := &pausing{}
			s.budget = b
			w := s.worker("w", s.client())
			first, second, pkg := s.sentPair(w, lane)
			s.drive(w, pkg, time.Hour, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
			if got := s.read(first.ID); got.State != ledger.Parked || got.Code != 410 {
				t.Errorf("the denied invoice is %s, want parked: %s", got.State, got.Reason)
			}
			if got := s.read(second.ID); got.State != ledger.Accepted || len(b.pauses) != 0 {
				t.Errorf("the other invoice is %s and the tenant was paused for %v, want it accepted and no pause", got.State, b.pauses)
			}
		})
	}
}

// An invoice is alone in its session, and KSeF denies it. As long as no other session of the tenant
// has gone through, the tenant is paused and the invoice is queued again. Once another session has
// gone through, the invoice is at fault, and the next denial parks it.
func TestDenied_AloneInItsSession_OtherSessionsOfTheTenantDecide(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.InvoiceStatus, Number: "A/1", Code: 410, Times: -1}}})
	b := &pausing{}
	s.budget = b
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := s.sent(w, inv)
	s.drive(w, pkg, time.Hour, func() bool { return s.read(inv.ID).State == ledger.Queued })
	if len(b.pauses) != 1 {
		t.Errorf("the tenant was paused for %v, want one pause", b.pauses)
	}
	good := s.admit(ledger.Bulk, s.good("B/1"))
	through := s.sent(w, good)
	s.drive(w, through, time.Hour, func() bool { return s.read(good.ID).State == ledger.Accepted })
	again := s.sent(w, s.read(inv.ID))
	s.drive(w, again, time.Hour, func() bool { return s.read(inv.ID).State == ledger.Parked })
	if len(b.pauses) != 1 {
		t.Errorf("the tenant was paused for %v, want no second pause, because its other invoices go through", b.pauses)
	}
}
