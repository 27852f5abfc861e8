package tasks_test

import (
	"slices"
	"testing"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// While KSeF processes an invoice, its answer in the list has no invoice number. Once KSeF has
// decided, the answer has the number, and the worker reads the outcome.
func TestConfirm_AnswerWithoutNumberIsInProcessingForHours_ItsOutcomeIsRead(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	running := true
	client.listed = change(func(i *ksef.InvoiceInfo) {
		if running && i.InvoiceNumber == "A/2" {
			i.InvoiceNumber, i.Status = "", ksef.StatusInfo{Code: 150, Description: "processing"}
		}
	})
	w := s.worker("w", client)
	a, b := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.bad("A/2"))
	pkg := s.sent(w, a, b)
	drive := func(within time.Duration) (last error) {
		for began := s.now(); s.now().Sub(began) < within; {
			last = w.run(queue.KindConfirm, pkg)
			if s.pkg(pkg).State == ledger.PackageSettled {
				return nil
			}
			s.advance(max(retry.Judge(last).Delay, time.Second))
		}
		return last
	}
	_ = drive(2 * time.Hour)
	running = false // from now on KSeF answers 450 with the number
	err := drive(time.Hour)
	if got := s.read(b.ID); got.State != ledger.Rejected {
		t.Errorf("an hour after KSeF decided, the invoice is %s with the reason %q, want rejected: %v", got.State, got.Reason, err)
	}
}

// The session ended with 500, and its receipt is not available. The clear answer in its list is
// written. The invoice that the list lacks waits with a reason.
func TestSessionRefused_ReceiptIsSick_ClearAnswersAreWrittenAndOthersHaveAReason(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionSpoiled}}})
	client := s.client()
	client.listed = hide("A/1")
	client.upo = notAvailable
	w := s.worker("w", client)
	a, b, pkg := s.sentPair(w, ledger.Bulk)
	for range 5 {
		_ = w.run(queue.KindConfirm, pkg)
		s.advance(time.Minute)
	}
	if got := s.read(b.ID); got.State != ledger.Accepted {
		t.Errorf("A/2, listed as accepted, is %s, want accepted", got.State)
	}
	if got := s.read(a.ID); got.State != ledger.Sent || got.Reason == "" {
		t.Errorf("A/1, which is not listed, is %s with the reason %q, want sent with a reason", got.State, got.Reason)
	}
	notSentAgain(t, s, a.ID)
}

// An invoice is retried while its online session is still open. The list of that session has only
// the answer to the first attempt. That answer must not count for the second attempt, so the
// invoice is sent in another session.
func TestRetry_OnlineSessionIsStillOpen_AnotherSessionIsUsed(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	old := true
	client.listed = func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo {
		if old && len(all) > 0 {
			one := all[0]
			one.Status, one.KSeFNumber = ksef.StatusInfo{Code: 460, Description: "new in this month"}, ""
			return []ksef.InvoiceInfo{one}
		}
		return all
	}
	w := s.worker("w", client)
	a := s.admit(ledger.Express, s.good("A/1"))
	w.must(queue.KindSend, a.ID)
	pkg := s.read(a.ID).Package
	s.eventually("the invoice is parked", func() bool { _ = w.run(queue.KindConfirm, pkg); return s.read(a.ID).State == ledger.Parked })
	inv := s.read(a.ID)
	if err := s.ledger.Retry(t.Context(), &inv); err != nil {
		t.Fatal(err)
	}
	if err := s.ledger.Move(t.Context(), ledger.Move{
		ID: a.ID, From: []ledger.State{ledger.Queued}, Edit: ledger.Edit{}.InLane(ledger.Express),
	}); err != nil {
		t.Fatal(err)
	}
	s.eventually("the invoice is sent again", func() bool { _ = w.run(queue.KindSend, a.ID); return s.read(a.ID).State == ledger.Sent })
	if got := s.read(a.ID).Package; got == pkg {
		t.Errorf("the invoice was sent in the same session again")
	}
	_ = w.run(queue.KindConfirm, pkg)
	if got := s.read(a.ID); got.State != ledger.Sent {
		t.Errorf("after the answer to the first attempt the invoice is %s, want sent: %s", got.State, got.Reason)
	}
}

// A search has begun to read the register from some day on. After that, an invoice with an earlier
// date joins the search.
func TestSearch_OlderInvoiceJoinsTheSearchLater_IsFoundToo(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := &sickClient{testClient: s.client()}
	w := s.worker("w2", client)
	early := s.seeded("E/1", 3)
	s.known(w, early)
	s.advance(100 * 24 * time.Hour)
	late := sample.Invoice(sample.Options{SellerNIP: s.nip(), Number: "L/1", IssueDate: invoice.Today(s.now()), Seed: 1})
	s.known(w, late)
	// KSeF names no original of L/1. The receipt of E/1's original is not available for a while.
	client.listed = change(func(i *ksef.InvoiceInfo) {
		if i.InvoiceNumber == "L/1" {
			i.Status.Extensions = nil
		}
	})
	sick, downloads := true, 0
	client.upoOf = func(string) error {
		if sick {
			return unavailableError("upo")
		}
		return refusedError("upo")
	}
	client.invoice = func(string) error {
		if downloads++; downloads == 1 {
			return refusedError("fetch")
		}
		return nil
	}
	registerLate := true
	client.page = func(p ksef.MetadataPage, err error) (ksef.MetadataPage, error) {
		if registerLate { // the register does not list L/1 yet
			p.Invoices = slices.DeleteFunc(p.Invoices, func(m ksef.Metadata) bool { return m.InvoiceNumber == "L/1" })
		}
		return p, err
	}
	a, b := s.admit(ledger.Bulk, early), s.admit(ledger.Bulk, late)
	pkg := s.sent(w, a, b)
	began := s.now()
	for s.now().Sub(began) < 24*time.Hour {
		err := w.run(queue.KindConfirm, pkg)
		if s.now().Sub(began) > 5*time.Minute {
			sick = false
		}
		if s.now().Sub(began) > 10*time.Minute {
			registerLate = false
		}
		if s.read(a.ID).State.Final() && s.read(b.ID).State.Final() {
			break
		}
		s.advance(min(max(retry.Judge(err).Delay, time.Second), 30*time.Second))
	}
	for _, id := range []string{a.ID, b.ID} {
		g := s.read(id)
		if g.State != ledger.Accepted {
			t.Errorf("%s is in the register, but it is %s, want accepted: %s", g.Number, g.State, g.Reason)
		}
	}
}
