package settlement

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// onlyAnswer decides about a package of one invoice. The list of its session has one answer, with
// this code, and the counts of the session agree with the list. With code 0 the list is empty.
func onlyAnswer(lane ledger.Lane, inv ledger.Invoice, code int) Decision {
	p := ledger.Package{ID: place, State: ledger.PackageProcessing, Lane: lane, Tenant: seller, Session: "S", Count: 1}
	inv.ID, inv.Rev, inv.Package, inv.NIP, inv.Number, inv.Lane = "inv-0", 1, place, seller, "A/1", lane
	if inv.State == "" {
		inv.State = ledger.Sent
	}
	info := ksef.InvoiceInfo{Status: ksef.StatusInfo{Code: code}, Ordinal: 1, InvoiceNumber: "A/1"}
	session := ksef.SessionInfo{Status: ksef.StatusInfo{Code: 200}, Counted: true, InvoiceCount: 1, FailedInvoiceCount: 1}
	if code == 200 {
		info.KSeFNumber = ksefNumber(1)
		session.SuccessfulInvoiceCount, session.FailedInvoiceCount = 1, 0
	}
	listed := Listed{Session: session, List: List{Asked: true, Invoices: []ksef.InvoiceInfo{info}}, Receipt: OwnReceipt{Asked: true},
		Statuses: Statuses{Asked: true}, Tenant: &ledger.Tenant{}}
	if code == 0 {
		listed.List.Invoices = []ksef.InvoiceInfo{}
		listed.Session.InvoiceCount, listed.Session.FailedInvoiceCount = 0, 0
	}
	return Rules{Refusals: 3}.Decide(p, Held{Read: true, Members: 1, Invoices: []ledger.Invoice{inv}}, listed, began)
}

// Each code that an answer about an invoice may have leads to one fate of the invoice, in both
// lanes.
func TestDecide_EachCodeOfAnInvoice_LeadsToOneFate(t *testing.T) {
	for code := -1; code <= 1000; code++ {
		for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
			want := Park
			switch code {
			case 0:
				continue // for 0 onlyAnswer gives no answer at all; see TestBounds_SessionsSayNothingAboutIt_ItGoesInAPackage
			case 200:
				want = Accept
			case 430, 450:
				want = Reject
			case 440:
				want = LookUp
			case 405, 410, 435, 500, 550:
				want = SendAgain
			}
			d := onlyAnswer(lane, ledger.Invoice{}, code)
			if code > 0 && code < 200 {
				if len(d.Moves) != 0 || d.Wait == nil || d.Doubt == nil || !d.Doubt.Begin {
					t.Errorf("code %d, lane %s: the decision is %+v, want only a wait and the beginning of a doubt", code, lane, d)
				}
				continue
			}
			if len(d.Moves) != 1 || d.Moves[0].Fate != want || d.Wait != nil {
				t.Errorf("code %d, lane %s: the moves are %+v, want fate %d", code, lane, d.Moves, want)
			}
		}
	}
}

// For every code of a session, in both lanes, there are two cases. Either KSeF processed the
// session, or KSeF is proven to have taken no invoice. In the second case all invoices are sent
// again.
func TestDecide_EachCodeOfASession_AnswersCountOrAllAreSentAgain(t *testing.T) {
	for code := 200; code <= 1000; code++ {
		for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
			p, held := packageOf(2, ledger.PackageProcessing)
			p.Lane = lane
			session := ksef.SessionInfo{Status: ksef.StatusInfo{Code: code}, Counted: true}
			listed := Listed{Session: session, List: List{Asked: true, Invoices: []ksef.InvoiceInfo{}}, Receipt: OwnReceipt{Asked: true}}
			d := Rules{Refusals: 3}.Decide(p, held, listed, began)
			if code == 200 || code == 445 {
				if lane == ledger.Express && (len(d.Moves) != 2 || d.Moves[0].Again.Proof != ProvenByList) ||
					lane == ledger.Bulk && d.Doubt == nil {
					t.Errorf("code %d, lane %s: the decision is %+v, want two moves proven by the list (express) or a doubt (bulk)",
						code, lane, d)
				}
				continue
			}
			if a := (account{session: session, lane: lane}); !a.explained() {
				// The session says nothing about its invoices, so the silence has to last.
				if len(d.Gone) != 0 || d.Doubt == nil || !d.Doubt.Begin || d.Wait == nil {
					t.Errorf("code %d, lane %s: at once the decision is %+v, want it to wait", code, lane, d)
				}
				p.Doubt = ledger.At(began.Add(-maxSilence))
				d = Rules{Refusals: 3}.Decide(p, held, listed, began)
			}
			if len(d.Moves) != 0 || len(d.Gone) != 2 || d.Wait != nil {
				t.Errorf("code %d, lane %s: the decision is %+v, want both invoices gone", code, lane, d)
				continue
			}
			listed.Stage, listed.Gone = Remainder, d.Gone
			d = Rules{Refusals: 3}.Decide(p, held, listed, began)
			switch {
			case lane == ledger.Express:
				if len(d.Moves) != 2 || d.Moves[0].Again.Proof != ProvenByRefusal || d.Split != nil {
					t.Errorf("code %d, lane %s: the decision is %+v, want both invoices sent again one by one", code, lane, d)
				}
			case code == 420:
				if d.Split == nil || len(d.Split.Parts) != 2 || d.Renew || d.Refusal != nil {
					t.Errorf("code %d, lane %s: the decision is %+v, want the package halved", code, lane, d)
				}
			case d.Split == nil || len(d.Split.Parts) != 1 || d.Refusal.Counted != (code != 415):
				t.Errorf("code %d, lane %s: the decision is %+v, want one part, and the refusal counted: %v", code, lane, d, code != 415)
			}
		}
	}
}

// KSeF may ask three times that an invoice is sent again. When it asks once more, the invoice is
// parked for a person.
func TestBounds_AnswersAskForItAgain_ParkedAfterMaxResends(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
		inv := ledger.Invoice{}
		for n := 1; ; n++ {
			m := onlyAnswer(lane, inv, 500).Moves[0]
			if m.Fate == Park {
				if n != maxResends+1 {
					t.Errorf("%s: parked at answer %d, want at answer %d", lane, n, maxResends+1)
				}
				break
			}
			m.Wrote(ledger.Moved{Rev: 2})
			inv = ledger.Invoice{Resends: m.Invoice.Resends}
			if n > 10 || m.Invoice.Resends != n || m.Invoice.State != ledger.Queued {
				t.Fatalf("%s: the invoice is %+v, want it queued and each resend counted", lane, m.Invoice)
			}
		}
	}
}

// An invoice that was never sent may be tried any number of times, because these tries are not
// counted. An invoice about which two online sessions say nothing goes in a package.
func TestBounds_SessionsSayNothingAboutIt_ItGoesInAPackage(t *testing.T) {
	m := onlyAnswer(ledger.Express, ledger.Invoice{State: ledger.Sending, Resends: 3, FailedSessions: 1}, 0).Moves[0]
	if m.Fate != SendAgain || m.Again.Count != Resends || m.Again.Value != 3 || m.Again.Lane != ledger.Express {
		t.Errorf("the move of an invoice that was never sent is %+v, want it sent again in its lane, and not counted", m)
	}
	for failed, want := range map[int]ledger.Lane{0: ledger.Express, 1: ledger.Bulk, 5: ledger.Bulk} {
		m := onlyAnswer(ledger.Express, ledger.Invoice{State: ledger.Unknown, FailedSessions: failed}, 0).Moves[0]
		if m.Fate != SendAgain || m.Again.Lane != want || m.Again.Value != int64(failed)+1 || m.Again.Count != FailedSessions {
			t.Errorf("after %d failed sessions the move is %+v, want it sent again in lane %s and the failure counted", failed, m, want)
		}
	}
}

// KSeF denied invoices with 410. The tenant is paused only when KSeF let nothing in. Every denied
// invoice has one move. Invoices in the tenant's own name and invoices for other sellers have
// separate counts.
func TestDenied_PausesTheTenantOnlyWhenNobodyWasLetIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, held := packageOf(rapid.IntRange(1, 6).Draw(t, "invoices"), ledger.PackageProcessing)
		p.OpenedAt = ledger.At(began.Add(-time.Hour))
		tenant := ledger.Tenant{Denied: rapid.IntRange(0, 5).Draw(t, "denied"), Denials: rapid.IntRange(0, 20).Draw(t, "denials"),
			DeniedForOthers: rapid.IntRange(0, 5).Draw(t, "denied for others")}
		if hours := rapid.IntRange(0, 40).Draw(t, "hours since one was accepted"); hours > 0 {
			tenant.AcceptedAt = ledger.At(began.Add(-time.Duration(hours) * time.Hour))
		}
		o := &outcomes{pkg: p, letIn: rapid.Bool().Draw(t, "let in")}
		own := 0
		for i := range held.Invoices {
			inv := &held.Invoices[i]
			if rapid.Bool().Draw(t, "in the seller's name") {
				inv.Subject = string(ksef.Subject2)
			} else {
				own++
			}
			if rapid.Bool().Draw(t, "denied before") {
				inv.Denied = ledger.At(began.Add(-2 * time.Hour))
			}
			o.denials = append(o.denials, pairing{inv, ksef.InvoiceInfo{Status: ksef.StatusInfo{Code: 410}}})
		}
		d := o.denied(tenant, began)
		seen := map[string]bool{}
		waiting := 0
		for _, m := range o.moves {
			if seen[m.Invoice.ID] || m.Fate != Park && m.Fate != SendAgain {
				t.Errorf("the move is %+v, want each invoice parked or sent again by one move", m)
			}
			seen[m.Invoice.ID] = true
			if m.Fate == SendAgain {
				waiting++
			}
		}
		if len(seen) != len(held.Invoices) {
			t.Errorf("%d of %d denied invoices have a move, want all", len(seen), len(held.Invoices))
		}
		if d == nil || d.Own != own || d.Own+d.ForOthers != len(held.Invoices) {
			t.Fatalf("the denial is %+v, want %d invoices in the tenant's own name, of %d", d, own, len(held.Invoices))
		}
		if own == 0 && waiting > 0 && d.ForOthers+tenant.DeniedForOthers < deniedFew {
			t.Errorf("the denial is %+v: so few invoices for other sellers must not pause the tenant", d)
		}
		if d.Waiting != waiting || (d.Pause > 0) != (waiting > 0) || o.letIn && waiting > 0 {
			t.Errorf("%d invoices are sent again, KSeF let in others: %v, and the denial is %+v; want all that are sent again waiting, "+
				"a pause only if any are, and none sent again if KSeF let in others", waiting, o.letIn, d)
		}
		if d.Pause > deniedMax || d.Pause > 0 && d.Pause < deniedFirst {
			t.Errorf("the tenant is paused for %v, want %v to %v, or not at all", d.Pause, deniedFirst, deniedMax)
		}
	})
}

// An invoice about which nothing is proven waits half an hour, and the reason is written once.
// After that, the invoice is looked for in the register.
func TestDoubt_IsToldOnce_WaitsHalfAnHour_ThenTheRegister(t *testing.T) {
	p, held := packageOf(2, ledger.PackageProcessing)
	session := ksef.SessionInfo{Status: ksef.StatusInfo{Code: 200}, Counted: true, InvoiceCount: 2}
	listed := Listed{Session: session, List: List{Asked: true, Invoices: []ksef.InvoiceInfo{}}, Receipt: OwnReceipt{Asked: true}}
	d := Rules{}.Decide(p, held, listed, began)
	if d.Doubt == nil || !d.Doubt.Begin || len(d.Doubt.Notes) != 2 || d.Doubt.Notes[0].Fate != Keep || d.Wait == nil || d.Listed {
		t.Errorf("at first the decision is %+v, want a doubt that begins", d)
	}
	p.Doubt = ledger.At(began)
	if d = (Rules{}).Decide(p, held, listed, began.Add(maxProofWait-time.Second)); d.Doubt != nil || d.Wait == nil ||
		!d.Wait.Poll || d.Listed {
		t.Errorf("before the time is over the decision is %+v, want only a wait", d)
	}
	listed.Receipt.Err = fmt.Errorf("sick")
	if d = (Rules{}).Decide(p, held, listed, began.Add(time.Minute)); d.Wait == nil || d.Wait.Err != listed.Receipt.Err {
		t.Errorf("the receipt cannot be read, and the wait is %+v, want one with the receipt's error", d.Wait)
	}
	d = Rules{}.Decide(p, held, listed, began.Add(maxProofWait))
	if d.Doubt == nil || d.Doubt.Begin || d.Doubt.Notes[0].Original.By != BySearch ||
		d.Doubt.Notes[0].Original.Session != "S" || d.Wait != nil || !d.Listed {
		t.Errorf("when the time is over the decision is %+v, want the invoices marked for the register", d)
	}
}
