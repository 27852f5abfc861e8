package intake

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// withRef returns a document of the first tenant.
func withRef(number, ref string) Document {
	return Document{File: number + ".xml", Ref: ref, Data: sample.Invoice(sample.Options{Number: number, IssueDate: "2026-11-23"})}
}

func TestAdmit_RefOfAnotherInvoice_IsRefusedWithItsIDAndStateAndTheOthersAreTaken(t *testing.T) {
	g := newGate(t, nil)
	first := g.admit(withRef("FV/1", "SO-1"))[0]
	out := g.admit(withRef("FV/2", "SO-1"), withRef("FV/3", "SO-3"))
	if out[0].Taken != ledger.Refused || out[0].Other != first.Invoice.ID || out[0].Ref != "SO-1" ||
		!strings.Contains(out[0].Err.Error(), first.Invoice.ID+", another invoice of this tenant, which is queued") {
		t.Errorf("with the ref of another invoice: %+v, %v, want a refusal that names that invoice and its state", out[0], out[0].Err)
	}
	if out[1].Taken != ledger.Created {
		t.Errorf("the other document: %+v, want it created", out[1])
	}
}

func TestAdmit_SameInvoiceWithAnotherRef_IsPresentAndKeepsItsRef(t *testing.T) {
	g := newGate(t, nil)
	g.admit(withRef("FV/1", "SO-1"), withRef("FV/2", ""))
	out := g.admit(withRef("FV/1", "SO-9"), withRef("FV/2", "SO-2"), withRef("FV/1", "SO-1"))
	for i, want := range []string{"the invoice has ref SO-1", "the invoice has none", ""} {
		if out[i].Taken != ledger.Present || !strings.Contains(out[i].Terms.Text, want) || want == "" && out[i].Terms.Text != "" {
			t.Errorf("document %d is %s, the answer about its ref %q; want %q", i, out[i].Taken, out[i].Terms.Text, want)
		}
	}
	// A ref that is another invoice's would lead the sender's program to the wrong invoice.
	out = g.admit(withRef("FV/2", "SO-1"))
	if out[0].Taken != ledger.Refused || out[0].Held.Number != "FV/2" {
		t.Errorf("with the ref of another invoice: %+v, want it refused, and FV/2 as the invoice that the ledger has", out[0])
	}
}

func TestAdmit_RepeatedExportWithItsRef_IsPresent(t *testing.T) {
	g := newGate(t, nil)
	first := g.admit(withRef("FV/1", "SO-1"))[0]
	again := withRef("FV/1", "SO-1")
	again.Data = []byte(strings.Replace(string(again.Data), "?>", "?>\n\n", 1))
	if out := g.admit(again); out[0].Taken != ledger.Present || out[0].Invoice.ID != first.Invoice.ID || out[0].Terms.Text != "" {
		t.Errorf("the document handed in again: %+v, %v, want it present", out[0], out[0].Err)
	}
}

func TestAdmit_RefThatCannotBeOne_IsRefusedWithFieldAndRule(t *testing.T) {
	g := newGate(t, nil)
	for _, ref := range []string{" SO-1", "a\nb", strings.Repeat("x", maxRef+1), "a\xff", "\u202e1"} {
		out := g.admit(withRef("FV/1", ref))
		faults := invoice.FieldErrors(out[0].Err)
		if out[0].Taken != ledger.Refused || len(faults) != 1 || faults[0].Field != "ref" {
			t.Errorf("ref %q: %+v, %v, want a refusal of field ref", ref, out[0], out[0].Err)
		}
	}
	if out := g.admit(withRef("FV/1", strings.Repeat("ż", maxRef))); out[0].Taken != ledger.Created {
		t.Errorf("the longest ref that is allowed: %v, want it taken", out[0].Err)
	}
}

func TestAdmit_TermsOfOneDocument_CountForItAlone(t *testing.T) {
	g := newGate(t, nil)
	own, plain := withRef("FV/1", ""), withRef("FV/2", "")
	due := monday.Add(72 * time.Hour)
	own.Terms = &Terms{Lane: ledger.Bulk, Deadline: due}
	out, err := g.Admit(t.Context(), []Document{own, plain}, Terms{Lane: ledger.Express})
	g.must(err)
	if a, b := out[0].Invoice, out[1].Invoice; a.Lane != ledger.Bulk || a.Deadline != ledger.At(due) || b.Lane != ledger.Express {
		t.Errorf("want lanes bulk and express: got %s and %s, deadlines %s and %s", a.Lane, b.Lane, a.Deadline.Time(), b.Deadline.Time())
	}
	own.Terms = &Terms{Lane: ledger.Express}
	out, err = g.Admit(t.Context(), []Document{own, plain}, Terms{})
	g.must(err)
	if !out[0].Terms.Applied || out[1].Terms.Text != "" {
		t.Errorf("want terms applied to the first document alone; the answers are %+v and %+v", out[0].Terms, out[1].Terms)
	}
}
