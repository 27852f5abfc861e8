package tasks_test

import (
	"slices"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// A refused session leaves open what became of an invoice. The worker is about to mark the invoice
// for the search in KSeF's register. Right before that, another process moves the invoice, so the
// mark is not written. Nothing proves that KSeF does not have the invoice. So the invoice waits,
// and is not sent again.
func TestSessionRefused_InvoiceMovesWhileItIsMarked_IsNotSentAgain(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.sent = func(ksef.SentInvoice, error) (ksef.SentInvoice, error) {
		return ksef.SentInvoice{}, &ksef.APIError{Op: "send invoice", Status: 502, Kind: ksef.KindOutage, MaybeDone: true}
	}
	client.session = sessionCode(500)
	client.listed = change(func(i *ksef.InvoiceInfo) { i.InvoiceNumber = "?" }) // an acceptance of an unknown invoice
	client.upo = notGiven
	w := s.worker("w", client)
	inv := s.admit(ledger.Express, s.good("A/1"))
	pkg := s.sent(w, inv)
	w.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).Doubt != 0 })
	s.advance(31 * time.Minute)
	late := &before{do: func() {
		got := s.read(inv.ID)
		if err := s.ledger.Move(t.Context(), ledger.Move{ID: inv.ID, Rev: got.Rev, From: []ledger.State{ledger.Unknown},
			To: ledger.Sent}); err != nil {
			t.Error(err)
		}
	}, is: func(args []any) bool {
		return args[0] == "evalsha" && slices.Contains(args, any("orig_by"))
	}}
	w.rdb.AddHook(late)
	_ = w.run(queue.KindConfirm, pkg)
	if !late.done.Load() {
		t.Fatal("the invoice was not moved meanwhile, so this test proves nothing")
	}
	if got := s.read(inv.ID); got.State != ledger.Sent || got.Package != pkg {
		t.Errorf("the invoice is %s in %q, want sent in the first package: %s", got.State, got.Package, got.Reason)
	}
	client.sent = nil
	s.advance(time.Hour)
	w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Minute); return s.read(inv.ID).State == ledger.Accepted })
	s.acceptedOnce(1)
}
