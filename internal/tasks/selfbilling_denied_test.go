package tasks_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// billedOf admits, for each seller, the given number of invoices that tenant sample.NIP(1) issues
// in the seller's name.
func (s *stage) billedOf(many int, sellers ...string) (invs []ledger.Invoice) {
	s.t.Helper()
	for _, seller := range sellers {
		for i := range many {
			invs = append(invs, s.admit(ledger.Bulk, s.billed(seller, fmt.Sprintf("S/%s/%d", seller, i))))
		}
	}
	return invs
}

func (s *stage) readAll(invs []ledger.Invoice) (map[ledger.State]int, []ledger.Invoice) {
	out, n := make([]ledger.Invoice, len(invs)), map[ledger.State]int{}
	for i := range invs {
		out[i] = s.read(invs[i].ID)
		n[out[i].State]++
	}
	return n, out
}

// sendOff sends invoices in one session and waits until the session is over.
func (s *stage) sendOff(w *actor, invs ...ledger.Invoice) {
	s.t.Helper()
	pkg := s.sent(w, invs...)
	s.drive(w, pkg, time.Hour, func() bool { return s.pkg(pkg).State == ledger.PackageSettled || !s.pkg(pkg).State.Live() })
}

// A buyer issues nothing in its own name and has the key of another taxpayer. KSeF answers every
// invoice with 410, and nothing else is known about the tenant. The tenant is paused like a tenant
// that issues in its own name. With the right key all invoices go through.
func TestSelfBilling_EveryInvoiceDenied_TheTenantIsPausedAndNothingIsParked(t *testing.T) {
	s := newStage(t, simulator.Options{
		Grants: []simulator.Grant{{From: sample.NIP(0), To: sample.NIP(1)}, {From: sample.NIP(2), To: sample.NIP(1)}},
		Faults: []simulator.Fault{{Kind: simulator.InvoiceStatus, Code: 410, Times: 12}},
	})
	b := &pausing{}
	s.budget = b
	w := s.worker("w", s.clientOf(sample.NIP(1)))
	invs := s.billedOf(3, sample.NIP(0), sample.NIP(2))
	for round := range 2 {
		s.sendOff(w, invs...)
		var n map[ledger.State]int
		if n, invs = s.readAll(invs); n[ledger.Queued] != len(invs) {
			t.Fatalf("after round %d the invoices are %v, want all queued: %s", round, n, invs[0].Reason)
		}
		for _, words := range []string{"key_file", "seller NIP " + sample.NIP(0), "SelfInvoicing"} {
			if got := invs[0]; got.Code != 410 || got.Resends != 0 || !strings.Contains(got.Reason, words) {
				t.Errorf("the first invoice has code %d and %d resends, want 410 and none, and %q in the reason %s",
					got.Code, got.Resends, words, got.Reason)
			}
		}
	}
	if len(b.pauses) != 2 || b.pauses[1] <= b.pauses[0] || !s.log.says("have the sellers not granted it") {
		t.Errorf("the tenant was paused for %v, want two pauses, the second longer; the log asks about the sellers: %v, want true",
			b.pauses, s.log.says("have the sellers not granted it"))
	}
	s.sendOff(w, invs...)
	if n, _ := s.readAll(invs); n[ledger.Accepted] != len(invs) {
		t.Errorf("with the right key the invoices are %v, want all accepted", n)
	}
	if known, err := s.ledger.Tenant(t.Context(), sample.NIP(1)); err != nil || known.Denials != 0 || known.DeniedForOthers != 0 {
		t.Errorf("after an acceptance the tenant still has denials, want none: %+v, %v", known, err)
	}
}

// The invoices come one by one, each alone in its session. The first two denials say nothing about
// the tenant, so these invoices are parked. From the third denial on, the tenant is paused.
func TestSelfBilling_DeniedOneByOne_TheTenantIsPausedAfterAFew(t *testing.T) {
	s := newStage(t, simulator.Options{})
	b := &pausing{}
	s.budget = b
	w := s.worker("w", s.clientOf(sample.NIP(1)))
	invs := s.billedOf(5, sample.NIP(0))
	for i := range invs {
		s.sendOff(w, invs[i])
	}
	if n, _ := s.readAll(invs); n[ledger.Parked] != 2 || n[ledger.Queued] != 3 || len(b.pauses) != 3 {
		t.Errorf("the invoices are %v, want 2 parked and 3 queued; pauses %v, want 3", n, b.pauses)
	}
}

// KSeF accepted an invoice of the tenant today, and now denies its invoices for three sellers at
// once. The likely cause is the tenant's key, so the tenant is paused. After that, an invoice in
// the tenant's own name goes through, which shows that the cause is the sellers. So each denied
// invoice is parked with a reason that names its seller.
func TestSelfBilling_DeniedForSeveralSellersToday_PausedUntilAnythingGoesThrough(t *testing.T) {
	s := newStage(t, simulator.Options{})
	b := &pausing{}
	s.budget = b
	w := s.worker("w", s.clientOf(sample.NIP(1)))
	s.sendOff(w, s.admit(ledger.Bulk, s.goodOf(sample.NIP(1), "K/1")))
	s.advance(time.Minute)
	invs := s.billedOf(1, sample.NIP(0), sample.NIP(2), sample.NIP(3))
	s.sendOff(w, invs...)
	n, invs := s.readAll(invs)
	if n[ledger.Queued] != 3 || len(b.pauses) != 1 {
		t.Fatalf("the invoices are %v and the pauses %v, want 3 queued and one pause: %s", n, b.pauses, invs[0].Reason)
	}
	own := s.admit(ledger.Bulk, s.goodOf(sample.NIP(1), "K/2"))
	s.sendOff(w, append(invs, own)...)
	if n, invs = s.readAll(invs); n[ledger.Parked] != 3 || len(b.pauses) != 1 {
		t.Fatalf("the invoices are %v and the pauses %v, want 3 parked and no second pause: %s", n, b.pauses, invs[0].Reason)
	}
	for _, inv := range invs {
		if want := "seller NIP " + inv.NIP + " has not granted"; !strings.Contains(inv.Reason, want) {
			t.Errorf("the reason lacks %q: %s", want, inv.Reason)
		}
	}
	if got := s.read(own.ID); got.State != ledger.Accepted {
		t.Errorf("the invoice in the tenant's own name is %s, want accepted: %s", got.State, got.Reason)
	}
}
