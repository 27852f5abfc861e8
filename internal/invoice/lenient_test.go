package invoice_test

import (
	"errors"
	"strings"
	"testing"

	"ksefworker/internal/invoice"
)

// Production accepts discouraged characters, which the test environment refuses. The header still
// says where the first one is.
func TestParse_DiscouragedCharactersAccepted_ReportsTheFirstWithItsPosition(t *testing.T) {
	lenient := invoice.ParseOptions{AllowDiscouraged: true}
	n := 0
	for _, c := range refusals(t) {
		if c.rule != "discouraged" {
			continue
		}
		n++
		h, err := invoice.ParseWith([]byte(c.doc), lenient)
		if err != nil || h.Discouraged == nil {
			t.Errorf("%s: Parse = %v, and the character recorded is %v; want no error and the character", c.why, err, h.Discouraged)
			continue
		}
		if d := h.Discouraged; d.Field != c.field || d.Line != c.line || d.Column != c.column {
			t.Errorf("%s: the character recorded is %v, want one of field %s at line %d, column %d", c.why, d, c.field, c.line, c.column)
		}
		if _, err := invoice.ContentOf([]byte(c.doc)); err != nil {
			t.Errorf("%s: its content cannot be compared: %v", c.why, err)
		}
	}
	if n < 10 {
		t.Fatalf("only %d documents were tried, want 10 or more", n)
	}
	if h, err := invoice.ParseWith([]byte(small), lenient); err != nil || h.Discouraged != nil {
		t.Errorf("a plain document has the character %v recorded, %v, want none", h.Discouraged, err)
	}
}

func TestParse_DiscouragedCharactersAccepted_AllOtherRulesHold(t *testing.T) {
	for _, c := range refusals(t) {
		if c.rule == "discouraged" {
			continue
		}
		if _, err := invoice.ParseWith([]byte(c.doc), invoice.ParseOptions{AllowDiscouraged: true}); err == nil {
			t.Errorf("%s was accepted, want an error", c.why)
		}
	}
}

func TestParse_RaisedMaxSize_IsTheLimit(t *testing.T) {
	doc := []byte(with(t, ">Łoś<", ">"+strings.Repeat("a", 4_000_000)+"<"))
	if _, err := invoice.Parse(doc); err == nil {
		t.Error("a document of 4 MB is accepted without a raised limit")
	}
	h, err := invoice.ParseWith(doc, invoice.ParseOptions{MaxSize: 5_000_000})
	if err != nil || h.Size != int64(len(doc)) {
		t.Errorf("the header has a size of %d bytes, %v, want that of the document", h.Size, err)
	}
	_, err = invoice.ParseWith(doc, invoice.ParseOptions{MaxSize: 3_500_000})
	var f *invoice.FieldError
	if !errors.As(err, &f) || f.Rule != "must be at most 3500000 bytes" {
		t.Errorf("with a limit of 3.5 MB, ParseWith = %v, want a fault that names the limit", err)
	}
}

func TestParse_OtherForms_AreNamedWithoutAWrongHint(t *testing.T) {
	for _, c := range []struct{ why, doc, field, says, never string }{
		{"FA_RR", with(t, "2025/06/25/13775", "2026/03/06/14189"), "Faktura", "the form FA_RR (1) is not supported yet", "FA(2)"},
		{"a Peppol invoice", `<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"><ID>1</ID></Invoice>`, "Invoice",
			"the form PEF or PEF_KOR is not supported yet", "FA(2)"},
		{"a future form", strings.NewReplacer("2025/06/25/13775", "2030/01/01/1", "FA (3)", "FA (9)").Replace(small), "Faktura",
			"the form FA (9) is not supported yet", "FA(2)"},
		{"FA(1)", with(t, "2025/06/25/13775", "2021/11/29/11089"), "Faktura", "this is FA(1), which KSeF no longer accepts", "FA(2)"},
		{"FA(3) under the namespace of FA(2)", with(t, "2025/06/25/13775", "2023/06/29/12648"), "Faktura",
			"must have the namespace of FA(3), http://crd.gov.pl/wzor/2025/06/25/13775/", "kodSystemowy"},
	} {
		_, err := invoice.Parse([]byte(c.doc))
		var f *invoice.FieldError
		if !errors.As(err, &f) || f.Field != c.field || !strings.Contains(f.Error(), c.says) || strings.Contains(f.Rule, c.never) {
			t.Errorf("%s: Parse = %v, want a fault of field %s that says %q, with a rule that does not say %q",
				c.why, err, c.field, c.says, c.never)
		}
	}
}

func TestParse_SelfBillingAndAuthorisedParty_AreRead(t *testing.T) {
	notes := func(p17 string) string {
		return with(t, "<P_17>2<", "<P_17>"+p17+"<")
	}
	for doc, want := range map[string]bool{
		small: false, notes("1"): true, notes(" 1 "): true, notes("+1"): true, notes("01"): true, notes("2"): false, notes("+2"): false,
		// The same name at another path is another field.
		with(t, "<P_15>", "<P_17>1</P_17><P_15>"): false,
	} {
		if h := parsed(t, doc); h.SelfBilling != want || h.AuthorisedNIP != "" {
			t.Errorf("self-billing is %v, want %v; the authorised NIP is %q, want none", h.SelfBilling, want, h.AuthorisedNIP)
		}
	}
	const party = " <PodmiotUpowazniony><DaneIdentyfikacyjne><NIP>5210000003</NIP></DaneIdentyfikacyjne></PodmiotUpowazniony>\n"
	h := parsed(t, with(t, " <Fa>", party+" <Fa>"))
	if h.AuthorisedNIP != "5210000003" {
		t.Errorf("the authorised NIP is %q, want 5210000003", h.AuthorisedNIP)
	}
}
