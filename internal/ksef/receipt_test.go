package ksef

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const upoHead = `<?xml version="1.0" encoding="utf-8"?>
<Potwierdzenie xmlns="http://upo.schematy.mf.gov.pl/KSeF/v4-3">
	<NazwaPodmiotuPrzyjmujacego>Ministerstwo Finansów</NazwaPodmiotuPrzyjmujacego>
	<NumerReferencyjnySesji>20261123-SB-0123456789-ABCDEF0123-AB</NumerReferencyjnySesji>
	<Uwierzytelnienie><IdKontekstu><Nip>5265877635</Nip></IdKontekstu></Uwierzytelnienie>
	<OpisPotwierdzenia><Strona>1</Strona><LiczbaStron>1</LiczbaStron></OpisPotwierdzenia>
	<KodFormularza>FA (3)</KodFormularza>
`

// upoXML writes a receipt with n lines as KSeF does. A line is an element Dokument. The receipt has
// all elements in KSeF's order, even those that ParseReceipt does not read.
func upoXML(n int) string {
	var b strings.Builder
	b.WriteString(upoHead)
	for i := range n {
		fmt.Fprintf(&b, `	<Dokument>
		<NipSprzedawcy>5265877635</NipSprzedawcy>
		<NumerKSeFDokumentu>5265877635-20261123-%012X-00</NumerKSeFDokumentu>
		<NumerFaktury>FV/&lt;%d&gt;/2026 &amp; spółka</NumerFaktury>
		<DataWystawieniaFaktury>2026-11-23</DataWystawieniaFaktury>
		<DataPrzeslaniaDokumentu>2026-11-23T11:02:41.584+01:00</DataPrzeslaniaDokumentu>
		<DataNadaniaNumeruKSeF>2026-11-23T11:02:42.084+01:00</DataNadaniaNumeruKSeF>
		<SkrotDokumentu>%043d=</SkrotDokumentu>
		<TrybWysylki>Online</TrybWysylki>
	</Dokument>
`, i, i, i)
	}
	b.WriteString("</Potwierdzenie>\n")
	return b.String()
}

func TestParseReceipt_EveryLineIsFoundByItsNumber(t *testing.T) {
	for _, n := range []int{0, 1, 2, 10_000} {
		r, err := ParseReceipt([]byte(upoXML(n)))
		if err != nil {
			t.Fatalf("a receipt of %d lines is refused: %v", n, err)
		}
		if len(r.Lines) != n || r.Pages != 1 || r.Session != "20261123-SB-0123456789-ABCDEF0123-AB" {
			t.Errorf("a receipt of %d lines is read as %d lines and %d pages of session %q, want all lines, 1 page and its session",
				n, len(r.Lines), r.Pages, r.Session)
		}
		if n == 0 {
			continue
		}
		want := ReceiptLine{SellerNIP: "5265877635", Number: fmt.Sprintf("FV/<%d>/2026 & spółka", n-1),
			IssueDate: "2026-11-23", Hash: fmt.Sprintf("%043d=", n-1)}
		got := r.Lines[fmt.Sprintf("5265877635-20261123-%012X-00", n-1)]
		if at := time.Date(2026, 11, 23, 10, 2, 42, 84e6, time.UTC); !got.AssignedAt.Equal(at) {
			t.Errorf("the last number was assigned at %v, want %v", got.AssignedAt, at)
		}
		if got.AssignedAt = (time.Time{}); got != want {
			t.Errorf("the last line is %+v, want %+v", got, want)
		}
	}
}

func TestParseReceipt_BlanksAroundAValue_AreDropped(t *testing.T) {
	text := strings.NewReplacer("<SkrotDokumentu>", "<SkrotDokumentu>\n\t\t", "</SkrotDokumentu>", "\n\t\t</SkrotDokumentu>",
		"<NumerKSeFDokumentu>", "<NumerKSeFDokumentu> ", "</NumerReferencyjnySesji>", "\n</NumerReferencyjnySesji>").Replace(upoXML(1))
	r, err := ParseReceipt([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Lines["5265877635-20261123-000000000000-00"].Hash; got != fmt.Sprintf("%043d=", 0) ||
		strings.TrimSpace(r.Session) != r.Session {
		t.Errorf("the hash is %q and the session %q, want both without blanks around them", got, r.Session)
	}
}

func TestParseReceipt_ATimeThatCannotBeRead_CostsOnlyTheTime(t *testing.T) {
	r, err := ParseReceipt([]byte(strings.ReplaceAll(upoXML(1), "2026-11-23T11:02:42.084+01:00", "wczoraj")))
	if err != nil || len(r.Lines) != 1 {
		t.Fatalf("the receipt is %v, error %v, want it read without the time", r, err)
	}
}

func TestParseReceipt_NotAWholeReceipt_IsRefused(t *testing.T) {
	whole := upoXML(2)
	const dtd = `<!DOCTYPE Potwierdzenie [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>`
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                          {"", "it is empty"},
		"blanks":                           {" \n", "it is empty"},
		"a declaration alone":              {`<?xml version="1.0"?>`, "it is empty"},
		"HTML of a proxy":                  {"<html><body>502</body></html>", `root element is "html"`},
		"JSON":                             {`{"error":{"code":1}}`, ""},
		"another document of the ministry": {`<Faktura xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/"/>`, `root element is "Faktura"`},
		"a DTD before the root": {strings.Replace(whole, "<Potwierdzenie", dtd+"<Potwierdzenie", 1),
			"document type declaration"},
		"a DTD within":                {strings.Replace(whole, "<KodFormularza>", dtd+"<KodFormularza>", 1), "document type declaration"},
		"an entity that nobody knows": {strings.Replace(whole, "Ministerstwo", "&lol;", 1), "read UPO"},
		"cut off in a tag":            {whole[:len(whole)-5], "read UPO"},
		"cut off between two lines":   {whole[:strings.LastIndex(whole, "\t<Dokument>")], "read UPO"},
		"cut off within a line":       {whole[:strings.LastIndex(whole, "<SkrotDokumentu>")], "read UPO"},
		"without its last tag":        {strings.Replace(whole, "</Potwierdzenie>", "", 1), "read UPO"},
		"another encoding":            {strings.Replace(whole, "utf-8", "iso-8859-2", 1), "read UPO"},
		"bytes that are not UTF-8":    {strings.Replace(whole, "Ministerstwo", "\xff\xfe", 1), "read UPO"},
		"a second document after it": {
			whole + "<Dokument><NumerKSeFDokumentu>5265877635-X</NumerKSeFDokumentu></Dokument>", "after the end"},
	} {
		r, err := ParseReceipt([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || len(r.Lines) != 0 {
			t.Errorf("%s: read as %d lines, with the error %v, want no line and an error that says %q", name, len(r.Lines), err, c.want)
		}
	}
}

// The ministry's own examples are not part of this repository. The test expects them in the folder
// upo, which lies beside the folder that KSEF_SCHEMA_DIR names.
func TestParseReceipt_TheMinistrysExamples(t *testing.T) {
	dir := os.Getenv("KSEF_SCHEMA_DIR")
	if dir == "" {
		t.Skip("KSEF_SCHEMA_DIR is not set: the ministry's files are not part of this repository")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "..", "upo", "upo-*.xml"))
	if len(files) == 0 {
		t.Skip("no upo/upo-*.xml beside KSEF_SCHEMA_DIR")
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseReceipt(raw)
		if err != nil || len(r.Lines) == 0 {
			t.Errorf("the example %s is read as %d lines (error %v), want one or more", filepath.Base(f), len(r.Lines), err)
		}
		for number, line := range r.Lines {
			if len(number) != 35 || len(line.Hash) != 44 || line.Number == "" || line.AssignedAt.IsZero() {
				t.Errorf("a line of the example %s, number %q, is %+v, want all its values", filepath.Base(f), number, line)
			}
		}
	}
}

func FuzzParseReceipt(f *testing.F) {
	f.Add([]byte(upoXML(1)))
	f.Add([]byte(upoXML(0)))
	f.Add([]byte(`<Potwierdzenie><Dokument><Dokument/></Dokument></Potwierdzenie>`))
	f.Add([]byte(`<!DOCTYPE x><Potwierdzenie/>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := ParseReceipt(raw)
		if err != nil {
			if len(r.Lines) != 0 || r.Session != "" {
				t.Fatal("ParseReceipt returned an error together with a part of the receipt")
			}
			return
		}
		text := string(raw)
		if !strings.Contains(text, "Potwierdzenie") || strings.Count(text, "Dokument") < len(r.Lines) {
			t.Fatalf("ParseReceipt found %d lines, more than the text has: %q", len(r.Lines), text)
		}
	})
}

func BenchmarkParseReceipt10000(b *testing.B) {
	raw := []byte(upoXML(10_000))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseReceipt(raw); err != nil {
			b.Fatal(err)
		}
	}
}
