package intake

import (
	"bytes"
	"strings"
	"testing"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// A document in which letters of a name were lost before the export is valid XML. It is taken, with
// a warning.
func TestAdmit_ReplacementCharacter_IsTakenWithAWarning(t *testing.T) {
	g := newGate(t, nil)
	doc := sample.Invoice(sample.Options{SellerNIP: sample.NIP(0), Number: "FV/1", IssueDate: "2026-11-23"})
	lost := bytes.Replace(doc, []byte("<Nazwa>"), []byte("<Nazwa>\uFFFD"), 1)
	adms, err := g.Admit(t.Context(), []Document{{File: "a.xml", Data: lost}}, Terms{})
	g.must(err)
	if a := adms[0]; a.Taken != ledger.Created || a.Warning == nil || !strings.Contains(a.Warning.Error(), "replacement character") {
		t.Errorf("want the document taken with a warning: %+v", a)
	}
	other := sample.Invoice(sample.Options{SellerNIP: sample.NIP(0), Number: "FV/2", IssueDate: "2026-11-23"})
	adms, err = g.Admit(t.Context(), []Document{{File: "b.xml", Data: other}}, Terms{})
	g.must(err)
	if adms[0].Warning != nil {
		t.Errorf("the warning is %v, want none", adms[0].Warning)
	}
}
