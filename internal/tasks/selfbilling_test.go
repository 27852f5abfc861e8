package tasks_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// The invoices that a buyer issues in its own name, and those that it issues in the names of its
// sellers, travel together, with the buyer's key.
func TestSelfBilling_TravelsWithTheBuyersOwn_AcceptedUnderTheSellersNumber(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
		t.Run(string(lane), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{Grants: []simulator.Grant{
				{From: sample.NIP(0), To: sample.NIP(1)}, {From: sample.NIP(2), To: sample.NIP(1)},
			}})
			w := s.worker("w", s.clientOf(sample.NIP(1)))
			invs := []ledger.Invoice{
				s.admit(lane, s.goodOf(sample.NIP(1), "K/1")),
				s.admit(lane, s.billed(sample.NIP(0), "S/1")),
				s.admit(lane, s.billed(sample.NIP(2), "S/2")),
			}
			for _, inv := range invs {
				if inv.Tenant != sample.NIP(1) || inv.ContextNIP() != sample.NIP(1) {
					t.Fatalf("%s of seller %s belongs to tenant %s, context %s, want the buyer for both",
						inv.Number, inv.NIP, inv.Tenant, inv.ContextNIP())
				}
			}
			pkg := s.sent(w, invs...)
			s.drive(w, pkg, time.Hour, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
			w.must(queue.KindReceipt, pkg)
			for _, inv := range invs {
				got := s.read(inv.ID)
				if got.State != ledger.Receipted || !strings.HasPrefix(got.KsefNumber, inv.NIP+"-") {
					t.Errorf("%s is %s as %s, want receipted with a number that begins with the seller's NIP: %s",
						got.Number, got.State, got.KsefNumber, got.Reason)
				}
				// A receipt of the buyer's session names several sellers, so it is kept under the
				// buyer's NIP.
				if !strings.Contains(got.UPO, "/"+sample.NIP(1)+"/") {
					t.Errorf("the receipt of %s is %s, want it under the buyer's NIP", got.Number, got.UPO)
				}
			}
			s.acceptedOnce(3)
		})
	}
}

// After a loss of Redis the invoices are sent again, and KSeF calls them duplicates. The register
// lists the invoices that the buyer issued in its own name under Subject1, and those that it issued
// in the name of a seller under Subject2.
func TestSelfBilling_OriginalsOfBothKinds_AreFoundInTheRegister(t *testing.T) {
	s := newStage(t, simulator.Options{
		Grants: []simulator.Grant{{From: sample.NIP(0), To: sample.NIP(1)}},
		Faults: []simulator.Fault{{Kind: simulator.OmitOriginal, Times: -1}},
	})
	w := s.worker("w", s.clientOf(sample.NIP(1)))
	docs := [][]byte{s.goodOf(sample.NIP(1), "K/1"), s.billed(sample.NIP(0), "S/1")}
	originals := s.known(w, docs...)
	s.advance(5 * time.Second)
	again := []ledger.Invoice{s.admit(ledger.Bulk, docs[0]), s.admit(ledger.Bulk, docs[1])}
	pkg := s.sent(w, again...)
	s.drive(w, pkg, 6*time.Hour, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
	for i, inv := range again {
		if got := s.read(inv.ID); got.State != ledger.Accepted || !got.Recovered || got.KsefNumber != originals[i].KsefNumber {
			t.Errorf("%s is %s as %s, want accepted and recovered as the original %s: %s",
				got.Number, got.State, got.KsefNumber, originals[i].KsefNumber, got.Reason)
		}
	}
	if n := len(s.sim.Books().Accepted); n != 2 {
		t.Errorf("KSeF accepted %d invoices, want the two from before", n)
	}
}

// A seller has not granted the permission to issue its invoices. Only this seller's invoices are
// parked. Other invoices go on, and the tenant's key does not count as wrong.
func TestSelfBilling_WithoutTheSellersPermission_ParkedWithAReasonAndNobodyIsPaused(t *testing.T) {
	s := newStage(t, simulator.Options{Grants: []simulator.Grant{{From: sample.NIP(2), To: sample.NIP(1)}}})
	b := &pausing{}
	s.budget = b
	w := s.worker("w", s.clientOf(sample.NIP(1)))
	// An invoice with the permission and one without it are in one session.
	good, bad := s.admit(ledger.Bulk, s.billed(sample.NIP(2), "S/1")), s.admit(ledger.Bulk, s.billed(sample.NIP(0), "S/2"))
	pkg := s.sent(w, good, bad)
	s.drive(w, pkg, time.Hour, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
	if got := s.read(good.ID); got.State != ledger.Accepted {
		t.Errorf("the invoice with the permission is %s, want accepted: %s", got.State, got.Reason)
	}
	// Five more invoices without the permission have a session to themselves. KSeF has accepted an
	// invoice of the tenant before, and all five are of one seller, so the tenant is not paused. If
	// KSeF answered 410 about five invoices in the tenant's own name, the tenant would be paused.
	var alone []ledger.Invoice
	for _, n := range []string{"S/3", "S/4", "S/5", "S/6", "S/7"} {
		alone = append(alone, s.admit(ledger.Bulk, s.billed(sample.NIP(0), n)))
	}
	pkg = s.sent(w, alone...)
	s.drive(w, pkg, time.Hour, func() bool { return !s.pkg(pkg).State.Live() || s.pkg(pkg).State == ledger.PackageSettled })
	for _, inv := range append(alone, bad) {
		got := s.read(inv.ID)
		want := "seller NIP " + sample.NIP(0) + " has not granted buyer NIP " + sample.NIP(1)
		if got.State != ledger.Parked || got.Code != 410 || !strings.Contains(got.Reason, want) {
			t.Errorf("%s is %s with code %d (%s), want parked with 410 and a reason that contains %q",
				got.Number, got.State, got.Code, got.Reason, want)
		}
	}
	if len(b.pauses) != 0 {
		t.Errorf("the tenant was paused for %v, want no pause", b.pauses)
	}
	if known, err := s.ledger.Tenant(t.Context(), sample.NIP(1)); err != nil || known.Denials != 0 {
		t.Errorf("denials count against the tenant, want none: %+v, %v", known, err)
	}
}

// The first invoice that KSeF ever sees of the tenant is alone in its session and lacks a seller's
// permission. This denial says nothing about the tenant's key. So the invoice is parked, and the
// tenant is not paused.
func TestSelfBilling_WithoutPermissionAndAloneInTheFirstSession_IsParkedAndNobodyIsPaused(t *testing.T) {
	agent := "\t<PodmiotUpowazniony><DaneIdentyfikacyjne><NIP>" + sample.NIP(1) + "</NIP><Nazwa>Agent</Nazwa></DaneIdentyfikacyjne>" +
		"<Adres><KodKraju>PL</KodKraju><AdresL1>a</AdresL1></Adres><RolaPU>3</RolaPU></PodmiotUpowazniony><Fa>"
	for name, c := range map[string]struct {
		doc  func(s *stage) []byte
		want string
	}{
		"self-billing": {func(s *stage) []byte { return s.billed(sample.NIP(0), "S/1") }, "SelfInvoicing"},
		"authorised": {func(s *stage) []byte {
			return bytes.Replace(s.goodOf(sample.NIP(0), "R/1"), []byte("\t<Fa>"), []byte(agent), 1)
		}, "PodmiotUpowazniony"},
	} {
		for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
			t.Run(name+"/"+string(lane), func(t *testing.T) {
				t.Parallel()
				s := newStage(t, simulator.Options{})
				b := &pausing{}
				s.budget = b
				w := s.worker("w", s.clientOf(sample.NIP(1)))
				out, err := s.admitter().Admit(t.Context(), []intake.Document{{File: "a.xml", Data: c.doc(s)}},
					intake.Terms{Lane: lane, Tenant: sample.NIP(1)})
				if err != nil || out[0].Err != nil {
					t.Fatalf("admit: %v, %v", err, out[0].Err)
				}
				inv := out[0].Invoice
				pkg := s.sent(w, inv)
				s.drive(w, pkg, time.Hour, func() bool { return s.read(inv.ID).State == ledger.Parked })
				if got := s.read(inv.ID); got.Code != 410 || !strings.Contains(got.Reason, c.want) {
					t.Errorf("the invoice has code %d and the reason %s, want 410 and words about %s", got.Code, got.Reason, c.want)
				}
				known, err := s.ledger.Tenant(t.Context(), sample.NIP(1))
				if err != nil || known.Denials != 0 || known.Denied != 0 || len(b.pauses) != 0 {
					t.Errorf("the tenant was paused for %v and its denials are %+v, want no pause and no denial; %v", b.pauses, known, err)
				}
			})
		}
	}
}

// A tenant's own limit on the invoices of a session bounds the packages of that tenant.
func TestSessionInvoices_OfATenant_BoundItsPackages(t *testing.T) {
	s := newStage(t, simulator.Options{Taxpayers: []simulator.Taxpayer{{NIP: sample.NIP(1), MaxSessionInvoices: 3}}})
	w := s.worker("w", s.clientOf(sample.NIP(1)), func(o *tasks.Options) {
		o.SessionInvoices = func(string) int { return 3 }
	})
	var invs []ledger.Invoice
	for i := range 7 {
		inv := s.admit(ledger.Bulk, s.goodOf(sample.NIP(1), "M/"+string(rune('1'+i))))
		w.must(queue.KindSubmit, inv.ID)
		invs = append(invs, inv)
	}
	first := s.read(invs[0].ID)
	w.must(queue.KindCut, first.WaitingGroup().Name())
	for _, p := range s.packages(ledger.PackageCut) {
		if p.Count > 3 {
			t.Errorf("a package has %d invoices, want at most 3", p.Count)
		}
		w.must(queue.KindPackage, p.ID)
		s.drive(w, p.ID, time.Hour, func() bool { return s.pkg(p.ID).State == ledger.PackageSettled })
	}
	for _, inv := range invs[:6] {
		if got := s.read(inv.ID); got.State != ledger.Accepted {
			t.Errorf("%s is %s, want accepted: %s", got.Number, got.State, got.Reason)
		}
	}
}

// The tax representative that an invoice names sends the invoice in the representative's own
// context. After a loss of Redis the original is found in the part of the register for authorised
// parties.
func TestTaxRepresentative_SendsInItsOwnContext_OriginalIsFoundAsSubjectAuthorized(t *testing.T) {
	s := newStage(t, simulator.Options{
		Grants: []simulator.Grant{{From: sample.NIP(0), To: sample.NIP(1), Scope: simulator.TaxRepresentative}},
		Faults: []simulator.Fault{{Kind: simulator.OmitOriginal, Times: -1}},
	})
	w := s.worker("w", s.clientOf(sample.NIP(1)))
	agent := "\t<PodmiotUpowazniony><DaneIdentyfikacyjne><NIP>" + sample.NIP(1) + "</NIP><Nazwa>Agent</Nazwa></DaneIdentyfikacyjne>" +
		"<Adres><KodKraju>PL</KodKraju><AdresL1>a</AdresL1></Adres><RolaPU>3</RolaPU></PodmiotUpowazniony><Fa>"
	doc := bytes.Replace(s.goodOf(sample.NIP(0), "R/1"), []byte("\t<Fa>"), []byte(agent), 1)
	admit := func() ledger.Invoice {
		terms := intake.Terms{Lane: ledger.Bulk, Tenant: sample.NIP(1)}
		out, err := s.admitter().Admit(t.Context(), []intake.Document{{File: "a.xml", Data: doc}}, terms)
		if err != nil || out[0].Err != nil {
			t.Fatalf("admit: %v, %v", err, out[0].Err)
		}
		return out[0].Invoice
	}
	inv := admit()
	if inv.Tenant != sample.NIP(1) || inv.NIP != sample.NIP(0) || inv.ContextNIP() != sample.NIP(1) {
		t.Fatalf("the invoice has tenant %s, seller %s and context %s; want the representative as tenant and context",
			inv.Tenant, inv.NIP, inv.ContextNIP())
	}
	pkg := s.sent(w, inv)
	w.settle(pkg)
	original := s.read(inv.ID)
	s.loseRedis()
	s.advance(5 * time.Second)
	again := admit()
	pkg = s.sent(w, again)
	s.drive(w, pkg, 6*time.Hour, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
	if got := s.read(again.ID); got.State != ledger.Accepted || !got.Recovered || got.KsefNumber != original.KsefNumber {
		t.Errorf("the invoice is %s as %s, want accepted and recovered as the original %s: %s",
			got.State, got.KsefNumber, original.KsefNumber, got.Reason)
	}
}
