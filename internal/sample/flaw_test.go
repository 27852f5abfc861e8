package sample_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/sample"
)

func TestBad_EachFlaw_IsFoundByTheClientOrLeftToKSeF(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	want := map[sample.Flaw]string{
		sample.NotXML: "XML document", sample.Empty: "empty", sample.Truncated: "cut off",
		sample.WrongEncoding: "no encoding but UTF-8",
		sample.ByteOrderMark: "byte order mark", sample.DTD: "DOCTYPE", sample.ProcessingInstruction: "processing instruction",
		sample.DiscouragedUnicode: "U+0099", sample.TooBig: "at most 3000000 bytes", sample.WrongNIP: "check digit",
		sample.FutureDate: "later than today", sample.MissingNumber: "P_2: must be given", sample.FA1: "FA(1)",
		sample.TooBigForItsKind: "without an attachment", sample.MissingTotal: "", sample.UnknownKind: "",
	}
	for _, flaw := range sample.Flaws() {
		t.Run(flaw.String(), func(t *testing.T) {
			h, err := invoice.Parse(sample.Bad(flaw, sample.Options{Number: "ZŁA/1", Seed: 5}))
			if err == nil {
				err = invoice.Check(h, now, invoice.CheckOptions{CheckNIPs: true})
			}
			says, known := want[flaw]
			switch {
			case !known:
				t.Fatal("the list of this test lacks the flaw")
			case (says != "") != flaw.Local():
				t.Errorf("Local is %v, want %v by the list of this test", flaw.Local(), says != "")
			case says == "" && err != nil:
				t.Errorf("the client finds the flaw, although only KSeF can find it: %v", err)
			case says != "" && (err == nil || !strings.Contains(err.Error(), says)):
				t.Errorf("the client finds %v, want an error that says %q", err, says)
			}
			var f *invoice.FieldError
			if err != nil && !errors.As(err, &f) {
				t.Errorf("%v is not a FieldError", err)
			}
		})
	}
}

func TestBad_FlawsForKSeF_HaveThatFlawOnly(t *testing.T) {
	doc := string(sample.Bad(sample.MissingTotal, sample.Options{}))
	if total, nets := strings.Contains(doc, "<P_15>"), strings.Contains(doc, "<P_13_"); total || !nets {
		t.Errorf("the document has P_15: %v, and P_13: %v, want false and true", total, nets)
	}
	h, err := invoice.Parse(sample.Bad(sample.UnknownKind, sample.Options{}))
	if err != nil || h.Kind != "PROFORMA" {
		t.Errorf("the kind is %q (error %v), want PROFORMA", h.Kind, err)
	}
}

func TestBad_NoFlaw_IsGood(t *testing.T) {
	for _, flaw := range []sample.Flaw{-1, 1000} {
		if _, err := invoice.Parse(sample.Bad(flaw, sample.Options{})); err != nil || flaw.Local() || flaw.String() != "no flaw" {
			t.Errorf("flaw %d: parsing gives %v, Local is %v, the name is %q; want a good invoice, false and %q",
				flaw, err, flaw.Local(), flaw, "no flaw")
		}
	}
}

func ExampleBad() {
	_, err := invoice.Parse(sample.Bad(sample.MissingNumber, sample.Options{}))
	fmt.Println(err)
	// Output: field P_2: must be given at line 42, column 2; expected at Faktura/Fa/P_2
}

func ExampleInvoices() {
	for name, doc := range sample.Invoices(sample.NIP(1), 2, "2026-11-23") {
		h, err := invoice.Parse(doc)
		fmt.Println(name, h.Number, h.SellerNIP, err)
	}
	// Output:
	// 5210000026_FV-2026-11-000001.xml FV/2026/11/000001 5210000026 <nil>
	// 5210000026_FV-2026-11-000002.xml FV/2026/11/000002 5210000026 <nil>
}
