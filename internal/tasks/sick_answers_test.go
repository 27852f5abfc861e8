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
)

// unavailableError returns KSeF's answer about one object while requests about other objects
// succeed.
func unavailableError(op string) error {
	return &ksef.APIError{Op: op, Kind: ksef.KindOutage, Status: 503, MaybeDone: true,
		Err: errors.New("503 for this one")}
}

// sickClient is a client that fails for those objects for which its functions return an error.
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

// tenDays does something every hour for ten days of the stage's clock. The simulator processes the
// session of the package first.
func (po *paths) tenDays(pkg string, do func()) {
	po.t.Helper()
	po.processed(pkg)
	for range 240 {
		do()
		po.advance(time.Hour)
	}
}

// processed polls the simulator until it has processed the session of a package.
func (po *paths) processed(pkg string) {
	po.t.Helper()
	session := po.entries.pkg(pkg).Session
	client := po.clients.client()
	po.eventually("the session is processed", func() bool {
		info, err := client.SessionStatus(po.t.Context(), session)
		return err == nil && !info.Status.Processing()
	})
}

// The list of a session lacks the answer about one invoice, and the receipt is not available. The
// answer about the other invoice is written all the same.
func TestConfirm_ReceiptIsSick_ClearAnswersAreWritten(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = hide("A/1")
	client.upo = notAvailable
	w := s.worker("w", client)
	a, b, pkg := s.sentPair(w, ledger.Bulk)
	s.tenDays(pkg, func() { _ = w.run(queue.KindConfirm, pkg) })
	ga, gb, p := s.read(a.ID), s.read(b.ID), s.pkg(pkg)
	t.Logf("A/1 is %s (%q), A/2 is %s (%q), the package's doubt is %v and its state %s",
		ga.State, ga.Reason, gb.State, gb.Reason, p.Doubt, p.State)
	if gb.State != ledger.Accepted || ga.State == ledger.Queued {
		t.Errorf("after ten days A/2, which is listed as accepted, is %s, want accepted; A/1 is %s with the reason %q, want it not queued",
			gb.State, ga.State, ga.Reason)
	}
}

// The status of one invoice is not available. The receipt decides about the invoice.
func TestConfirm_OneStatusIsSick_ClearAnswersAreWritten(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := &sickClient{testClient: s.client()}
	client.listed = hide("A/1")
	client.status = func(string) error { return unavailableError("ask invoice status") }
	w := s.worker("w2", client)
	a, b, pkg := s.sentPair(w, ledger.Express)
	s.tenDays(pkg, func() { _ = w.run(queue.KindConfirm, pkg) })
	ga, gb := s.read(a.ID), s.read(b.ID)
	t.Logf("A/1 is %s (%q), A/2 is %s (%q)", ga.State, ga.Reason, gb.State, gb.Reason)
	if gb.State != ledger.Accepted || ga.State != ledger.Accepted {
		t.Errorf("after ten days A/2, which is listed, is %s; A/1, which is in the UPO, is %s with the reason %q; want both accepted",
			gb.State, ga.State, ga.Reason)
	}
}

// Each duplicate waits for its own original only.
func TestRecover_OneOriginalIsSick_OthersGoOn(t *testing.T) {
	for _, what := range []string{"receipt of one session", "document of one original"} {
		t.Run(what, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			client := &sickClient{testClient: s.client()}
			w := s.worker("w2", client)
			docA, docB := s.seeded("A/1", 1), s.seeded("A/2", 2)
			old := s.known(w, docA, docB)
			switch what {
			case "receipt of one session":
				client.upoOf = func(session string) error {
					if session == old[0].Session {
						return unavailableError("fetch session UPO")
					}
					return refusedError("fetch session UPO") // so the document has to prove the original
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
			s.tenDays(pkg, func() { _ = w.run(queue.KindConfirm, pkg) })
			ga, gb := s.read(a.ID), s.read(b.ID)
			t.Logf("A/1 is %s (%q), A/2 is %s (%q)", ga.State, ga.Reason, gb.State, gb.Reason)
			if gb.State != ledger.Accepted {
				t.Errorf("after ten days A/2, whose original can be fetched, is %s, want accepted", gb.State)
			}
		})
	}
}

// Each duplicate waits for its own original only, also when the register names the originals.
func TestRecover_OneDocumentOfTheRegisterIsSick_OthersGoOn(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{
		{Kind: simulator.OmitOriginal, Times: -1},
	}})
	client := &sickClient{testClient: s.client()}
	w := s.worker("w2", client)
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
	s.tenDays(pkg, func() { _ = w.run(queue.KindConfirm, pkg) })
	ga, gb := s.read(a.ID), s.read(b.ID)
	t.Logf("A/1 is %s (%q, original known by %s), A/2 is %s (%q, original known by %s)",
		ga.State, ga.Reason, ga.OriginalBy, gb.State, gb.Reason, gb.OriginalBy)
	if ga.State != ledger.Accepted {
		t.Errorf("after ten days A/1, whose original can be fetched, is %s, want accepted", ga.State)
	}
}

// The list of a processed session says of one invoice that it is in processing. The session's
// receipt decides about that invoice.
func TestConfirm_OneAnswerStaysInProcessing_ReceiptDecides(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = change(func(i *ksef.InvoiceInfo) {
		if i.InvoiceNumber == "A/1" {
			i.Status, i.KSeFNumber = ksef.StatusInfo{Code: 150, Description: "processing"}, ""
		}
	})
	w := s.worker("w", client)
	a, b, pkg := s.sentPair(w, ledger.Bulk)
	s.tenDays(pkg, func() {
		_ = w.run(queue.KindConfirm, pkg)
		_ = w.run(queue.KindReceipt, pkg)
	})
	ga, gb, p := s.read(a.ID), s.read(b.ID), s.pkg(pkg)
	t.Logf("A/1 is %s (%q), A/2 is %s (%q), the package is %s (%q)",
		ga.State, ga.Reason, gb.State, gb.Reason, p.State, p.Reason)
	if ga.State != ledger.Receipted || gb.State != ledger.Receipted {
		t.Errorf("after ten days A/1 is %s with the reason %q, and A/2 is %s; want both receipted, because the UPO was always there",
			ga.State, ga.Reason, gb.State)
	}
}

// KSeF refuses the probe's session with 415, which says nothing about the invoices. They go back
// into the rest, so the invoices are never in more than two packages.
func TestRefusal_ProbeHasAStaleKey_ItsInvoicesGoIntoTheRest(t *testing.T) {
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
	packages := map[string]bool{}
	for _, id := range ids {
		packages[s.read(id).Package] = true
	}
	t.Logf("the invoices are %v; they were in %d packages at a time at most, in %d sessions, and ended in %d packages after %v",
		s.states(ids), p.maxPackages, len(s.sim.Books().Sessions), len(packages), s.now().Sub(p.began))
	if p.maxPackages > 2 {
		t.Errorf("the invoices were in %d packages at a time, want at most 2", p.maxPackages)
	}
}

// KSeF's answer about an invoice could not be written, because another process wrote the entry
// first. The package still holds the invoice, but that does not prove that KSeF lacks it.
func TestConfirm_AcceptedInAFailedSessionAndMovedMeanwhile_IsNotSentAgain(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionSpoiled}}})
	client := &sickClient{testClient: s.client()}
	client.listed = noList
	w := s.worker("w2", client)
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
		t.Errorf("the status of the invoice was asked %d times, want 2 or more", moved)
	}
	if got := s.read(a.ID); got.State != ledger.Accepted {
		t.Errorf("KSeF accepted the invoice, but its entry is %s, want accepted: %s", got.State, got.Reason)
	}
}
