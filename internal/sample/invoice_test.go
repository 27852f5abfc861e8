package sample_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math/big"
	"testing"

	"ksefworker/internal/invoice"
	"ksefworker/internal/sample"
)

var kinds = []string{"VAT", "KOR", "ZAL", "ROZ", "UPR", "KOR_ZAL", "KOR_ROZ"}

func TestInvoice_SameOptions_SameBytes(t *testing.T) {
	for _, o := range []sample.Options{{}, {Seed: 9, Lines: 40, Attachment: true}, {Kind: "KOR", PadTo: 20_000}} {
		if !bytes.Equal(sample.Invoice(o), sample.Invoice(o)) {
			t.Errorf("the options %+v give different bytes the second time, want the same", o)
		}
	}
	if bytes.Equal(sample.Invoice(sample.Options{Seed: 1, Number: "1"}), sample.Invoice(sample.Options{Seed: 2, Number: "1"})) {
		t.Error("two seeds give the same invoice, want different ones")
	}
}

func TestInvoice_Options_AreInTheDocument(t *testing.T) {
	for i, kind := range kinds {
		o := sample.Options{
			SellerNIP: sample.NIP(i + 1), Number: fmt.Sprintf("A&B <%d>", i), Kind: kind, IssueDate: "2026-11-23",
			Lines: i + 1, Attachment: i%2 == 0, Seed: uint64(i),
		}
		h, err := invoice.Parse(sample.Invoice(o))
		if err != nil {
			t.Fatalf("parsing an invoice of kind %s gives the error %v", kind, err)
		}
		if h.SellerNIP != o.SellerNIP || h.Number != o.Number || h.Kind != kind || h.IssueDate != o.IssueDate ||
			h.Attachment != o.Attachment {
			t.Errorf("the options %+v gave the invoice %+v, want the values of the options", o, h)
		}
	}
}

func TestInvoice_OrdinarySize_IsThreeToEightKilobytes(t *testing.T) {
	for seed := range uint64(50) {
		if n := len(sample.Invoice(sample.Options{Seed: seed})); n < 3000 || n > 8000 {
			t.Errorf("seed %d gives %d bytes, want 3000 to 8000", seed, n)
		}
	}
}

func TestInvoice_PadTo_IsTheExactSize(t *testing.T) {
	for _, n := range []int{5000, 8000, 8001, 8191, 12_345, 100_000, 1_000_000, 1_000_001, 3_000_000} {
		if got := len(sample.Invoice(sample.Options{PadTo: n})); got != n {
			t.Errorf("PadTo %d gives %d bytes, want exactly that size", n, got)
		}
	}
	if got, want := len(sample.Invoice(sample.Options{PadTo: 10})), len(sample.Invoice(sample.Options{})); got != want {
		t.Errorf("a PadTo below the natural size gives %d bytes, want %d", got, want)
	}
	for n := 3300; n < 4400; n++ {
		if doc := sample.Invoice(sample.Options{PadTo: n}); len(doc) > max(n, 3600) {
			t.Fatalf("PadTo %d gives %d bytes, want at most %d", n, len(doc), max(n, 3600))
		}
	}
}

// faktura is the part of the form whose amounts must agree.
type faktura struct {
	Fa struct {
		Net    []amount `xml:",any"`
		Lines  []item   `xml:"FaWiersz"`
		Orders []item   `xml:"Zamowienie>ZamowienieWiersz"`
		Gross  string   `xml:"P_15"`
	}
}

type amount struct {
	XMLName xml.Name
	Value   string `xml:",chardata"`
}

type item struct {
	Quantity  string `xml:"P_8B"`
	Price     string `xml:"P_9A"`
	Net       string `xml:"P_11"`
	Rate      string `xml:"P_12"`
	QuantityZ string `xml:"P_8BZ"`
	PriceZ    string `xml:"P_9AZ"`
	NetZ      string `xml:"P_11NettoZ"`
	RateZ     string `xml:"P_12Z"`
}

func TestInvoice_Sums_AreRightToTheGrosz(t *testing.T) {
	for seed := range uint64(60) {
		kind := kinds[seed%uint64(len(kinds))]
		var f faktura
		if err := xml.Unmarshal(sample.Invoice(sample.Options{Kind: kind, Lines: 1 + int(seed), Seed: seed}), &f); err != nil {
			t.Fatal(err)
		}
		nets := map[string]*big.Rat{"23": new(big.Rat), "8": new(big.Rat), "5": new(big.Rat)}
		for _, l := range append(f.Fa.Lines, f.Fa.Orders...) {
			if l.Net == "" {
				l = item{Quantity: l.QuantityZ, Price: l.PriceZ, Net: l.NetZ, Rate: l.RateZ}
			}
			if want := round(new(big.Rat).Mul(rat(t, l.Quantity), rat(t, l.Price))); want.Cmp(rat(t, l.Net)) != 0 {
				t.Errorf("in a line, %s × %s is %s, but the document has %s", l.Quantity, l.Price, want.FloatString(2), l.Net)
			}
			nets[l.Rate].Add(nets[l.Rate], rat(t, l.Net))
		}
		gross := new(big.Rat)
		for group, rate := range map[string]string{"1": "23", "2": "8", "3": "5"} {
			vat := round(new(big.Rat).Mul(nets[rate], new(big.Rat).SetFrac(rat(t, rate).Num(), big.NewInt(100))))
			for name, want := range map[string]*big.Rat{"P_13_" + group: nets[rate], "P_14_" + group: vat} {
				if got := f.value(name); (got == "") != (nets[rate].Sign() == 0) || got != "" && rat(t, got).Cmp(want) != 0 {
					t.Errorf("seed %d: %s = %q, want %s", seed, name, got, want.FloatString(2))
				}
				gross.Add(gross, want)
			}
		}
		if rat(t, f.Fa.Gross).Cmp(gross) != 0 {
			t.Errorf("seed %d: P_15 = %s, want %s", seed, f.Fa.Gross, gross.FloatString(2))
		}
		if (gross.Sign() < 0) != (kind[:2] == "KO") {
			t.Errorf("an invoice of kind %s has the sum %s, want a negative sum for corrections only", kind, f.Fa.Gross)
		}
	}
}

func (f *faktura) value(name string) string {
	for _, a := range f.Fa.Net {
		if a.XMLName.Local == name {
			return a.Value
		}
	}
	return ""
}

func rat(t *testing.T, s string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is not a number", s)
	}
	return r
}

// round rounds to whole grosz, halves away from zero.
func round(r *big.Rat) *big.Rat {
	rounded, _ := new(big.Rat).SetString(r.FloatString(2)) // FloatString rounds halves away from zero
	return rounded
}

func TestNIP_Sequence_IsValidAndDistinct(t *testing.T) {
	if sample.NIP(0) != "5265877635" {
		t.Errorf("NIP(0) is %s, want 5265877635", sample.NIP(0))
	}
	seen := map[string]int{}
	for i := range 50_000 {
		nip := sample.NIP(i)
		if !invoice.ValidNIP(nip) {
			t.Fatalf("NIP(%d) = %s is not valid", i, nip)
		}
		if other, ok := seen[nip]; ok {
			t.Fatalf("NIP(%d) and NIP(%d) are both %s", i, other, nip)
		}
		seen[nip] = i
	}
	for _, i := range []int{-1, 1 << 40} {
		if !invoice.ValidNIP(sample.NIP(i)) {
			t.Errorf("NIP(%d) = %s is not valid", i, sample.NIP(i))
		}
	}
}

func TestInvoices_NamesAndNumbers_AreDistinct(t *testing.T) {
	names, numbers := map[string]bool{}, map[string]bool{}
	for name, doc := range sample.Invoices(sample.NIP(3), 500, "2026-11-23", func(i int, o *sample.Options) { o.Attachment = i == 7 }) {
		h, err := invoice.Parse(doc)
		if err != nil {
			t.Fatal(err)
		}
		if h.Attachment != (h.Number == "FV/2026/11/000008") {
			t.Errorf("invoice %s has an attachment: %v, want one in number 8 only", h.Number, h.Attachment)
		}
		names[name], numbers[h.Number] = true, true
	}
	if len(names) != 500 || len(numbers) != 500 || !names[sample.NIP(3)+"_FV-2026-11-000001.xml"] {
		t.Errorf("there are %d names and %d numbers, want 500 of both, and the name of number 000001", len(names), len(numbers))
	}
	n := 0
	for range sample.Invoices("", 10, "") {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Error("the iteration cannot be ended early")
	}
}
