package intake_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// If a document cannot be read, only its file is known. If its number is at fault, the number will
// change when the document is fixed. So in both cases the refusal is identified by the file of the
// document.
func TestRefusals_IdentityUnreadOrAtFault_AreIdentifiedByTheFile(t *testing.T) {
	d := newRecorder(t)
	o := sample.Options{Number: "FV/1", IssueDate: "2026-01-05"}
	d.hand("a.xml", sample.Bad(sample.NotXML, o))
	d.hand("b.xml", sample.Bad(sample.MissingNumber, o))
	d.wants("a.xml", "b.xml")
	d.hand("c.xml", sample.Invoice(o))
	d.wants("a.xml", "b.xml")
	d.hand("b.xml", sample.Invoice(o))
	d.wants("a.xml")
	// Now more of the file can be read. It is still one refusal.
	d.hand("a.xml", sample.Bad(sample.FutureDate, sample.Options{Number: "FV/3", IssueDate: "2026-01-05"}))
	d.wants("a.xml")
}

// A document is refused because another document has its number. Handing in that other document
// again does not end the refusal.
func TestRefusals_NumberOfAnotherDocument_EndsWithItsOwnFile(t *testing.T) {
	d := newRecorder(t)
	o := sample.Options{Number: "FV/1", IssueDate: "2026-01-05"}
	first := sample.Invoice(o)
	d.hand("a.xml", first)
	o.Seed = 9
	d.hand("b.xml", sample.Invoice(o))
	d.wants("b.xml")
	d.hand("a.xml", first)
	d.wants("b.xml")
	o.Number = "FV/9"
	d.hand("b.xml", sample.Invoice(o))
	d.wants()
}

// Two different documents that cannot be read, one after the other at the same place of a list, are
// two refusals. The same bytes again are the same refusal.
func TestRefusals_NameIsOnlyAPlace_BytesTellDocumentsApart(t *testing.T) {
	d := newRecorder(t)
	note := func(source string, adm intake.Admission) string {
		t.Helper()
		r := &intake.Refusals{Record: d.a.Ledger, Tenant: owner, Accounts: d.a.Accounts, Source: source}
		adms := []intake.Admission{adm}
		r.Note(t.Context(), adms)
		if r.Err != nil || adms[0].Refusal == "" {
			t.Fatalf("the refusal of %s is not on record: %v", adm.File, r.Err)
		}
		return adms[0].Refusal
	}
	broken := func(doc intake.Document) intake.Admission {
		t.Helper()
		adms, err := d.a.Admit(t.Context(), []intake.Document{doc}, intake.Terms{})
		if err != nil || adms[0].Taken != ledger.Refused {
			t.Fatalf("Admit = %+v, %v, want a refusal", adms, err)
		}
		return adms[0]
	}
	for _, c := range []struct {
		source, file string
		unnamed      bool
		two          bool // whether two documents have two refusals
	}{
		{"erp", "invoices[0]", true, true},
		{"", filepath.Join(d.dir, "invoices[0]"), false, false}, // a file may have this name
		{"erp", "-", false, true},
		{"", "-", false, true},
		{"", filepath.Join(d.dir, "list.ndjson:1"), true, true},
		{"erp", "export.xml", false, false},
		{"", filepath.Join(d.dir, "export.xml"), false, false},
	} {
		doc := func(text string) intake.Document {
			return intake.Document{File: c.file, Unnamed: c.unnamed, Data: []byte(text)}
		}
		one, two := note(c.source, broken(doc("<broken>one"))), note(c.source, broken(doc("<broken>two")))
		if (one != two) != c.two {
			t.Errorf("%s of %q: two documents have the refusals %s and %s, want different ones: %v", c.file, c.source, one, two, c.two)
		}
		if again := note(c.source, broken(doc("<broken>one"))); again != one {
			t.Errorf("%s of %q: the same bytes again have the refusal %s, not %s", c.file, c.source, again, one)
		}
	}
	// If a line of a manifest names no document, its refusal is identified by the text of the line.
	line := func(text string) string {
		t.Helper()
		m := &intake.Manifest{Name: "list.ndjson", MaxDocument: 1 << 20, Now: time.Now()}
		for it := range m.Read(t.Context(), strings.NewReader(text)) {
			adm := intake.Admission{File: it.File, Unnamed: it.Unnamed, Taken: ledger.Refused, Err: it.Err}
			adm.Invoice.Hash = it.Sum
			return note("", adm)
		}
		return ""
	}
	if one, two := line(`{"path": 1}`), line(`{"path": 2}`); one == two || line(`{"path": 1}`) != one {
		t.Errorf("want two refusals for two lines, and the same refusal for the same line: %s and %s", one, two)
	}
}
