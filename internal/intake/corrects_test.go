package intake

import (
	"bytes"
	"testing"

	"ksefworker/internal/ledger"
)

// A technical correction says the same as the rejected document. If the sender did not name the
// rejected document in Corrects, the correction would count as a repeated export.
func TestAdmit_CorrectionThatDiffersInLayoutAlone_IsTaken(t *testing.T) {
	g := newGate(t, nil)
	for i := range g.Accounts {
		g.Accounts[i].Corrections = true
	}
	d := numbered(1)
	first := g.admit(d)[0].Invoice
	g.end(first, ledger.Rejected, d.Data)
	fixed := Document{File: "fixed.xml", Data: bytes.ReplaceAll(d.Data, []byte("\n"), []byte("\n "))}
	if got := g.admit(fixed)[0]; got.Taken != ledger.Present || got.Invoice.ID != first.ID {
		t.Fatalf("without Corrects, the correction is %+v, want the rejected invoice", got)
	}
	for _, corrects := range []string{first.ID, first.Hash} {
		got, err := g.Admit(t.Context(), []Document{fixed}, Terms{Corrects: Corrects(corrects)})
		g.must(err)
		if corrects == first.ID && got[0].Taken != ledger.Created {
			t.Errorf("the correction is %+v, %v, want it created", got[0], got[0].Err)
		}
		if now, err := g.Ledger.Invoice(t.Context(), got[0].Invoice.ID); err != nil || now.Corrects != first.Hash || now.ID == first.ID {
			t.Errorf("the entry of the correction is %+v, %v, want the hash of the rejected invoice in it", now, err)
		}
	}
}
