package tasks_test

import (
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// The document of a refusal was taken in, and nothing ended the refusal. The sweep ends it.
func TestSweep_DocumentWasTakenAfterItsRefusal_TheRefusalEnds(t *testing.T) {
	s := newStage(t, simulator.Options{})
	s.claim()
	w := s.worker("w", s.client(), func(o *tasks.Options) { o.RefusalsKept = 24 * time.Hour })
	of := ledger.Identity{NIP: s.nip(), Kind: "VAT", Number: "E/1"}
	refusal := ledger.Refusal{ID: ledger.RefusalOfInvoice(of), ByInvoice: true, Tenant: s.nip(), NIP: of.NIP, Kind: of.Kind,
		Number: of.Number, File: "e.xml", Faults: []ledger.RefusalFault{{Rule: "must be a number"}}}
	if err := s.ledger.Refuse(t.Context(), []ledger.Refusal{refusal}); err != nil {
		t.Fatal(err)
	}
	w.must(queue.KindSweep, "1")
	if n, err := s.ledger.OpenRefusals(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d refusals are open, %v; want one, because its document was not taken yet", n, err)
	}
	s.advance(time.Second)
	inv := s.admit(ledger.Bulk, s.good("E/1"))
	w.must(queue.KindSweep, "1")
	r, err := s.ledger.FindRefusal(t.Context(), refusal.ID, s.nip())
	if err != nil || r == nil || r.Ended != ledger.RefusalSuperseded || r.Note != "by "+inv.ID {
		t.Errorf("the refusal is %+v, %v; want superseded by %s", r, err, inv.ID)
	}
}
