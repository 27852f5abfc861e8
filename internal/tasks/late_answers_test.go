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

func TestConfirm_AnswerWithoutANumberRunsOnForHours_ItsOutcomeIsReadAllTheSame(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	running := true
	client.listed = func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo {
		for i := range all {
			if running && all[i].InvoiceNumber == "A/2" {
				all[i].InvoiceNumber = ""
				all[i].Status = ksef.StatusInfo{Code: 150, Description: "processing"}
			}
		}
		return all
	}
	w := s.worker("w", client)
	a, b := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.bad("A/2"))
	pkg := s.sent(w, a, b)
	drive := func(most time.Duration) (last error) {
		for began := s.now(); s.now().Sub(began) < most; {
			last = w.run(queue.KindConfirm, pkg)
			if s.pkg(pkg).State == ledger.PackageSettled {
				return nil
			}
			<-time.After(2 * time.Millisecond)
			s.advance(max(retry.Judge(last).Delay, time.Second))
		}
		return last
	}
	_ = drive(2 * time.Hour)
	running = false // KSeF answers 450 with the number from now on
	err := drive(time.Hour)
	if got := s.read(b.ID); got.State != ledger.Rejected {
		t.Errorf("an hour after KSeF's answer it is %s %q: %v", got.State, got.Reason, err)
	}
}

// The session ended with 500 and its receipt cannot be asked for now. What its list says clearly is
// written.
func TestSessionRefused_ReceiptIsSick_ClearAnswersAreWrittenAndTheRestSaysWhyItWaits(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionSpoiled}}})
	client := s.client()
	client.listed = hide("A/1")
	client.upo = func([]byte, error) ([]byte, error) { return nil, unavailableError("fetch session UPO") }
	w := s.worker("w", client)
	a, b := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
	pkg := s.sent(w, a, b)
	for range 5 {
		_ = w.run(queue.KindConfirm, pkg)
		s.advance(time.Minute)
	}
	if got := s.read(b.ID); got.State != ledger.Accepted {
		t.Errorf("A/2, listed as accepted, is %s", got.State)
	}
	if got := s.read(a.ID); got.State != ledger.Sent || got.Reason == "" {
		t.Errorf("A/1 is %s with the reason %q", got.State, got.Reason)
	}
	notSentAgain(t, s, a.ID)
}

// The list of the open session still has only the answer to the first try.
func TestRetry_ItsOnlineSessionIsStillOpen_ItGoesIntoAnotherOne(t *testing.T) {
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
	s.eventually("parked", func() bool { _ = w.run(queue.KindConfirm, pkg); return s.read(a.ID).State == ledger.Parked })
	inv := s.read(a.ID)
	if err := s.ledger.Retry(t.Context(), &inv); err != nil {
		t.Fatal(err)
	}
	if err := s.ledger.Move(t.Context(), ledger.Move{
		ID: a.ID, From: []ledger.State{ledger.Queued}, Edit: ledger.Edit{}.InLane(ledger.Express),
	}); err != nil {
		t.Fatal(err)
	}
	s.eventually("sent", func() bool { _ = w.run(queue.KindSend, a.ID); return s.read(a.ID).State == ledger.Sent })
	if got := s.read(a.ID).Package; got == pkg {
		t.Errorf("it was sent into the session that it was in before")
	}
	_ = w.run(queue.KindConfirm, pkg)
	if got := s.read(a.ID); got.State != ledger.Sent {
		t.Errorf("the answer to the first try makes it %s: %s", got.State, got.Reason)
	}
}

// A pass through the register has begun at a day that is later than that of an invoice which is
// looked for since.
func TestSearch_OlderInvoiceJoinsTheSearchLater_IsFoundToo(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := &sickClient{testClient: s.client()}
	w := sickWorker(s, client)
	early := sample.Invoice(sample.Options{SellerNIP: s.nip(), Number: "E/1", IssueDate: invoice.Today(s.now()), Seed: 3})
	s.known(w, early)
	s.advance(100 * 24 * time.Hour)
	late := sample.Invoice(sample.Options{SellerNIP: s.nip(), Number: "L/1", IssueDate: invoice.Today(s.now()), Seed: 1})
	s.known(w, late)
	// KSeF names no original of L/1; the receipt of E/1's original is sick for a while.
	client.listed = func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo {
		for i := range all {
			if all[i].InvoiceNumber == "L/1" {
				all[i].Status.Extensions = nil
			}
		}
		return all
	}
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
	lags := true
	client.page = func(p ksef.MetadataPage, err error) (ksef.MetadataPage, error) {
		if lags { // the register does not have the newer one yet
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
			lags = false
		}
		if s.read(a.ID).State.Final() && s.read(b.ID).State.Final() {
			break
		}
		<-time.After(time.Millisecond)
		s.advance(min(max(retry.Judge(err).Delay, time.Second), 30*time.Second))
	}
	for _, id := range []string{a.ID, b.ID} {
		g := s.read(id)
		if g.State != ledger.Accepted {
			t.Errorf("%s is in the register, and %s: %s", g.Number, g.State, g.Reason)
		}
	}
}
