package tasks_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// unavailable is what one sick page of KSeF answers while the others are well.
func unavailableError(op string) error {
	return &ksef.APIError{Op: op, Kind: ksef.KindOutage, Status: 503, MaybeDone: true,
		Err: errors.New("503 for this one")}
}

// onesick is a door of which single answers are sick: those for which a function gives an error.
type sickClient struct {
	*testClient
	upoOf   func(session string) error
	invoice func(number string) error
	status  func(ref string) error
}

func (client *sickClient) SessionUPO(ctx context.Context, session string) ([]byte, error) {
	if client.upoOf != nil {
		if err := client.upoOf(session); err != nil {
			return nil, err
		}
	}
	return client.testClient.SessionUPO(ctx, session)
}

func (client *sickClient) Invoice(ctx context.Context, number string) ([]byte, error) {
	if client.invoice != nil {
		if err := client.invoice(number); err != nil {
			return nil, err
		}
	}
	return client.testClient.Invoice(ctx, number)
}

func (client *sickClient) InvoiceStatus(ctx context.Context, ref string) (ksef.InvoiceInfo, error) {
	if client.status != nil {
		if err := client.status(ref); err != nil {
			return ksef.InvoiceInfo{}, err
		}
	}
	return client.testClient.InvoiceStatus(ctx, ref)
}

func sickWorker(s *stage, client *sickClient) *actor {
	return s.workerWith("w2", client.testClient, func(p *tasks.Parts) {
		p.Transport = func(string) (tasks.Transport, bool) { return client, true }
	})
}

// TestConfirm_ReceiptIsSick_ClearAnswersAreWritten: one answer is missing and the receipt is not
// to be had; the other invoice has its answer.
func TestConfirm_ReceiptIsSick_ClearAnswersAreWritten(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = hide("A/1")
	client.upo = func([]byte, error) ([]byte, error) { return nil, unavailableError("fetch session UPO") }
	w := s.worker("w", client)
	a, b := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
	pkg := s.sent(w, a, b)
	for range 240 {
		_ = w.run(queue.KindConfirm, pkg)
		<-time.After(2 * time.Millisecond)
		s.advance(time.Hour)
	}
	ga, gb, p := s.read(a.ID), s.read(b.ID), s.pkg(pkg)
	t.Logf("A/1 %s %q, A/2 %s %q, doubt %v package %s",
		ga.State, ga.Reason, gb.State, gb.Reason, p.Doubt, p.State)
	if gb.State != ledger.Accepted || ga.State == ledger.Queued {
		t.Errorf("after ten days A/2, listed as accepted, is %s; A/1 waits with reason %q",
			gb.State, ga.Reason)
	}
}

// TestConfirm_OneStatusIsSick_ClearAnswersAreWritten: the receipt answers for the sick one.
func TestConfirm_OneStatusIsSick_ClearAnswersAreWritten(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := &sickClient{testClient: s.client()}
	client.listed = hide("A/1")
	client.status = func(string) error { return unavailableError("ask invoice status") }
	w := sickWorker(s, client)
	a, b := s.admit(ledger.Express, s.good("A/1")), s.admit(ledger.Express, s.good("A/2"))
	pkg := s.sent(w, a, b)
	for range 240 {
		_ = w.run(queue.KindConfirm, pkg)
		<-time.After(2 * time.Millisecond)
		s.advance(time.Hour)
	}
	ga, gb := s.read(a.ID), s.read(b.ID)
	t.Logf("A/1 %s %q, A/2 %s %q", ga.State, ga.Reason, gb.State, gb.Reason)
	if gb.State != ledger.Accepted || ga.State != ledger.Accepted {
		t.Errorf("after ten days A/2, listed as accepted, is %s; A/1 (in the UPO) is %s, reason %q",
			gb.State, ga.State, ga.Reason)
	}
}

// TestRecover_OneOriginalIsSick_OthersGoOn: each duplicate waits for its own original alone.
func TestRecover_OneOriginalIsSick_OthersGoOn(t *testing.T) {
	for _, what := range []string{"receipt of one session", "document of one"} {
		t.Run(what, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			client := &sickClient{testClient: s.client()}
			w := sickWorker(s, client)
			docA, docB := s.seeded("A/1", 1), s.seeded("A/2", 2)
			old := s.known(w, docA, docB)
			switch what {
			case "receipt of one session":
				client.upoOf = func(session string) error {
					if session == old[0].Session {
						return unavailableError("fetch session UPO")
					}
					return refusedError("fetch session UPO") // then the document proves it
				}
			default:
				client.upoOf = func(string) error { return refusedError("fetch session UPO") }
				client.invoice = func(number string) error {
					if number == old[0].KsefNumber {
						return unavailableError("fetch invoice")
					}
					return nil
				}
			}
			a, b := s.admit(ledger.Bulk, docA), s.admit(ledger.Bulk, docB)
			pkg := s.sent(w, a, b)
			for range 240 {
				_ = w.run(queue.KindConfirm, pkg)
				<-time.After(2 * time.Millisecond)
				s.advance(time.Hour)
			}
			ga, gb := s.read(a.ID), s.read(b.ID)
			t.Logf("A/1 %s %q, A/2 %s %q", ga.State, ga.Reason, gb.State, gb.Reason)
			if gb.State != ledger.Accepted {
				t.Errorf("after ten days A/2, whose original can be had, is %s", gb.State)
			}
		})
	}
}

// TestRecover_OneDocumentOfTheRegisterIsSick_OthersGoOn: the same for originals found by the
// register.
func TestRecover_OneDocumentOfTheRegisterIsSick_OthersGoOn(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{
		{Kind: simulator.OmitOriginal, Times: -1},
	}})
	client := &sickClient{testClient: s.client()}
	w := sickWorker(s, client)
	docA, docB := s.seeded("A/1", 1), s.seeded("A/2", 2)
	old := s.known(w, docA, docB)
	client.invoice = func(number string) error {
		if number == old[1].KsefNumber {
			return unavailableError("fetch invoice")
		}
		return nil
	}
	a, b := s.admit(ledger.Bulk, docA), s.admit(ledger.Bulk, docB)
	pkg := s.sent(w, a, b)
	for range 240 {
		_ = w.run(queue.KindConfirm, pkg)
		<-time.After(2 * time.Millisecond)
		s.advance(time.Hour)
	}
	ga, gb := s.read(a.ID), s.read(b.ID)
	t.Logf("A/1 %s %q by %s, A/2 %s %q by %s",
		ga.State, ga.Reason, ga.OriginalBy, gb.State, gb.Reason, gb.OriginalBy)
	if ga.State != ledger.Accepted {
		t.Errorf("after ten days A/1, whose original can be had, is %s", ga.State)
	}
}

// TestConfirm_OneAnswerRunsForEver_ReceiptDecides: a processed session whose list says of one
// invoice that it is being processed.
func TestConfirm_OneAnswerRunsForEver_ReceiptDecides(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo {
		for i := range all {
			if all[i].InvoiceNumber == "A/1" {
				all[i].Status = ksef.StatusInfo{Code: 150, Description: "processing"}
				all[i].KSeFNumber = ""
			}
		}
		return all
	}
	w := s.worker("w", client)
	a, b := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
	pkg := s.sent(w, a, b)
	for began := s.now(); s.now().Sub(began) < 10*24*time.Hour; {
		_ = w.run(queue.KindConfirm, pkg)
		_ = w.run(queue.KindReceipt, pkg)
		<-time.After(2 * time.Millisecond)
		s.advance(time.Hour)
	}
	ga, gb, p := s.read(a.ID), s.read(b.ID), s.pkg(pkg)
	t.Logf("A/1 %s %q, A/2 %s %q, package %s %q",
		ga.State, ga.Reason, gb.State, gb.Reason, p.State, p.Reason)
	if ga.State != ledger.Receipted || gb.State != ledger.Receipted {
		t.Errorf("after ten days: A/1 %s, reason %q; A/2 %s (UPO was there all the time)",
			ga.State, ga.Reason, gb.State)
	}
}

// TestRefusal_ProbeIsRepacked_RestWaitsForIt: 415 has the probe packed again; what it was split
// off still waits for its answer.
func TestRefusal_ProbeIsRepacked_RestWaitsForIt(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{
		{Kind: simulator.SessionRefused, Lane: "batch", Code: 500, Times: 4},
		{Kind: simulator.SessionRefused, Lane: "batch", Code: 415, Times: 1},
		{Kind: simulator.SessionRefused, Lane: "batch", Code: 500, Times: 3},
	}})
	w := s.worker("w", s.client())
	ids, invs := s.admitMany(8)
	w.together(invs...)
	p := w.pool()
	p.until(12*time.Hour, func() bool {
		n := s.states(ids)
		return n[ledger.Accepted]+n[ledger.Parked] == len(ids)
	})
	homes := map[string]bool{}
	for _, id := range ids {
		homes[s.read(id).Package] = true
	}
	t.Logf("states %v, at most %d packages at a time, %d sessions, ended in %d packages, took %v",
		s.states(ids), p.maxPackages, len(s.sim.Books().Sessions), len(homes), s.now().Sub(p.began))
	if p.maxPackages > 2 {
		t.Errorf("%d packages at a time", p.maxPackages)
	}
}

// TestConfirm_AcceptedInAFailedSessionAndMovedMeanwhile_IsNotSentAgain: the answer could not be
// written because somebody else wrote the entry first. That the package still holds it proves
// nothing then.
func TestConfirm_AcceptedInAFailedSessionAndMovedMeanwhile_IsNotSentAgain(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionSpoiled}}})
	client := &sickClient{testClient: s.client()}
	client.listed = func([]ksef.InvoiceInfo) []ksef.InvoiceInfo { return nil }
	w := sickWorker(s, client)
	a := s.admit(ledger.Express, s.good("A/1"))
	pkg := s.sent(w, a)
	moved := 0
	client.status = func(string) error {
		if moved++; moved > 1 {
			return nil
		}
		inv := s.read(a.ID)
		return s.ledger.Move(t.Context(), ledger.Move{ID: inv.ID, Rev: inv.Rev,
			From: []ledger.State{inv.State}, Edit: ledger.Edit{}.FailedSessions(inv.FailedSessions)})
	}
	confirmFor(s, w, pkg, time.Hour, a.ID)
	if moved < 2 {
		t.Errorf("its status was asked for %d times", moved)
	}
	if got := s.read(a.ID); got.State != ledger.Accepted {
		t.Errorf("KSeF accepted it, and it is %s: %s", got.State, got.Reason)
	}
}
