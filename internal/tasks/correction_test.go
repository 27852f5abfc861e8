package tasks_test

import (
	"strings"
	"testing"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// correct hands in a technical correction. The argument of is the id of the rejected invoice, or
// the hash of its document.
func (s *stage) correct(data []byte, of string) intake.Admission {
	s.t.Helper()
	out, err := s.admitter().Admit(s.t.Context(), []intake.Document{{
		File: "c.xml", Data: data,
	}}, intake.Terms{Corrects: intake.Corrects(of)})
	if err != nil {
		s.t.Fatal(err)
	}
	return out[0]
}

// rejectedOffline brings an offline invoice to KSeF, which rejects it.
func (s *stage) rejectedOffline(w *actor, number string, seed uint64) ledger.Invoice {
	s.t.Helper()
	if err := s.sim.Inject(simulator.Fault{Kind: simulator.InvoiceStatus, Number: number, Code: 450}); err != nil {
		s.t.Fatal(err)
	}
	out, err := s.admitter().Admit(s.t.Context(), []intake.Document{{File: "a.xml", Data: s.seeded(number, seed)}},
		intake.Terms{Lane: ledger.Bulk, Offline: true})
	if err != nil || out[0].Err != nil {
		s.t.Fatal(err, out[0].Err)
	}
	inv := out[0].Invoice
	pkg := s.sent(w, inv)
	w.until(queue.KindConfirm, pkg, func() bool { return s.read(inv.ID).State == ledger.Rejected })
	return s.read(inv.ID)
}

// KSeF rejects an invoice that was issued offline. Its technical correction is sent at once,
// declared as offline, with the hash of the rejected document. KSeF takes only one technical
// correction of an invoice. A correction that KSeF refuses for that reason (21166) is parked.
func TestCorrection_OfARejectedOfflineInvoice_IsAcceptedOnceAndAnotherIsParked(t *testing.T) {
	s, client := newDirectStage(t, simulator.Options{})
	w := s.worker("w", client)
	old := s.rejectedOffline(w, "A/1", 1)
	other := s.rejectedOffline(w, "A/2", 1)
	first := s.correct(s.seeded("A/1", 2), old.ID)
	if first.Err != nil || first.Invoice.Corrects != old.Hash || first.Invoice.Lane != ledger.Express {
		t.Fatalf("the correction is taken as %+v, want it express and with the hash of the rejected document: %v", first.Invoice, first.Err)
	}
	w.must(queue.KindSubmit, first.Invoice.ID)
	w.must(queue.KindSend, first.Invoice.ID)
	s.eventually("KSeF has accepted the first correction", func() bool { return len(s.sim.Books().Accepted) == 1 })
	if got := s.sim.Books().Accepted[0]; got.Mode != "offline" || got.Corrects != old.Hash {
		t.Errorf("KSeF accepted %+v, want it declared offline, with the hash of the rejected document", got)
	}

	// The second correction names the rejected document by its hash, not by its id.
	second := s.correct(s.seeded("A/2", 2), other.Hash)
	if second.Err != nil {
		t.Fatal(second.Err)
	}
	w.must(queue.KindSend, second.Invoice.ID)
	s.eventually("KSeF has accepted the second correction", func() bool { return len(s.sim.Books().Accepted) == 2 })
	if err := s.sim.Inject(simulator.Fault{Kind: simulator.Refused, On: "send", Code: 21166}); err != nil {
		t.Fatal(err)
	}
	last := s.rejectedOffline(w, "A/3", 1)
	third := s.correct(s.seeded("A/3", 2), last.ID)
	w.must(queue.KindSend, third.Invoice.ID)
	if got := s.read(third.Invoice.ID); got.State != ledger.Parked || got.Code != 21166 ||
		!strings.Contains(got.Reason, "KSeF takes no technical correction of the rejected invoice") {
		t.Errorf("the third correction is %s with code %d, want parked with 21166 and a reason that says why: %s",
			got.State, got.Code, got.Reason)
	}
}

// A document that cannot be a technical correction is refused before it is taken.
func TestCorrection_OfSomethingElse_IsRefusedWithAReason(t *testing.T) {
	s, client := newDirectStage(t, simulator.Options{})
	w := s.worker("w", client)
	old := s.rejectedOffline(w, "A/1", 1)
	waits := s.admit(ledger.Bulk, s.good("B/1"))
	for _, c := range []struct {
		data     []byte
		of, says string
	}{
		{s.seeded("A/2", 1), old.ID, "is invoice A/1, and this document is A/2"},
		{s.seeded("A/1", 1), old.ID, "is this document itself"},
		{s.seeded("A/1", 1), old.Hash, "is the hash of this document itself"},
		{s.seeded("B/1", 9), waits.ID, "is queued: only an invoice that KSeF has rejected"},
		{s.seeded("A/1", 2), "inv-nobody", "is not in the ledger"},
	} {
		got := s.correct(c.data, c.of)
		if got.Err == nil || !strings.Contains(got.Err.Error(), c.says) {
			t.Errorf("a correction of %s is refused with %v, want a text with %q", c.of, got.Err, c.says)
		}
	}
	gateway := newStage(t, simulator.Options{})
	if got := gateway.correct(gateway.good("A/1"), old.Hash); got.Err == nil ||
		!strings.Contains(got.Err.Error(), "cannot be done over the gateway") {
		t.Errorf("over the gateway a correction is refused with %v, want a text that says that it cannot be done there", got.Err)
	}
}

// Eight sends in a row are refused because of their session. A technical correction cannot go in a
// package, so it stays in the express lane.
func TestCorrection_OnlineSessionsFail_StaysInItsLane(t *testing.T) {
	s, client := newDirectStage(t, simulator.Options{})
	w := s.worker("w", client)
	old := s.rejectedOffline(w, "A/1", 1)
	inv := s.correct(s.seeded("A/1", 2), old.ID).Invoice
	if err := s.sim.Inject(simulator.Fault{Kind: simulator.Refused, On: "send", Code: 21180, Times: 8}); err != nil {
		t.Fatal(err)
	}
	for range 9 {
		_ = w.run(queue.KindSend, inv.ID)
	}
	if got := s.read(inv.ID); got.State != ledger.Sent || got.Lane != ledger.Express {
		t.Errorf("the correction is %s in lane %s, want sent in the express lane: %s", got.State, got.Lane, got.Reason)
	}
}
