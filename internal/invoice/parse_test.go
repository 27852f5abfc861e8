package invoice_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/sample"
)

// small is a short document that Parse accepts. The tests name lines and columns of it.
const small = `<?xml version="1.0" encoding="UTF-8"?>
<Faktura xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/">
 <Naglowek>
  <KodFormularza kodSystemowy="FA (3)" wersjaSchemy="1-0E">FA</KodFormularza>
  <WariantFormularza>3</WariantFormularza><DataWytworzeniaFa>2026-11-22T08:00:00Z</DataWytworzeniaFa>
 </Naglowek>
 <Podmiot1><DaneIdentyfikacyjne><NIP>5265877635</NIP><Nazwa>Żółw</Nazwa></DaneIdentyfikacyjne>` +
	`<Adres><KodKraju>PL</KodKraju><AdresL1>Prosta 1</AdresL1></Adres></Podmiot1>
 <Podmiot2><DaneIdentyfikacyjne><NIP>5210000003</NIP><Nazwa>Łoś</Nazwa></DaneIdentyfikacyjne>` +
	`<JST>2</JST><GV>2</GV></Podmiot2>
 <Fa>
  <KodWaluty>PLN</KodWaluty>
  <P_1>2026-11-23</P_1>
  <P_2>FV/1</P_2>
  <P_15>123.45</P_15>` + annotations + `
  <RodzajFaktury>VAT</RodzajFaktury>
 </Fa>
</Faktura>
`

// annotations say that no special case applies.
const annotations = `<Adnotacje><P_16>2</P_16><P_17>2</P_17><P_18>2</P_18><P_18A>2</P_18A>` +
	`<Zwolnienie><P_19N>1</P_19N></Zwolnienie><NoweSrodkiTransportu><P_22N>1</P_22N></NoweSrodkiTransportu>` +
	`<P_23>2</P_23><PMarzy><P_PMarzyN>1</P_PMarzyN></PMarzy></Adnotacje>`

// with returns small with one piece replaced. It fails the test when the piece is missing, so that
// every case tests something.
func with(t testing.TB, old, by string) string {
	t.Helper()
	if strings.Count(small, old) == 0 {
		t.Fatalf("%q is not in the document", old)
	}
	return strings.Replace(small, old, by, 1)
}

func TestParse_SampleInvoice_GivesItsHeader(t *testing.T) {
	doc := sample.Invoice(sample.Options{Number: "FV/2026/11/7", Kind: "KOR", IssueDate: "2026-11-23", Attachment: true, Seed: 4})
	h, err := invoice.Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	if h.SellerNIP != "5265877635" || h.Number != "FV/2026/11/7" || h.Kind != "KOR" || h.IssueDate != "2026-11-23" || !h.Attachment {
		t.Errorf("the identity is not that of the document: %+v", h)
	}
	if h.Form != invoice.FA3() || h.Form.Version() != "v3" {
		t.Errorf("form = %+v, want FA (3)", h.Form)
	}
	if h.SellerName == "" || h.BuyerName == "" || !invoice.ValidNIP(h.BuyerNIP) ||
		h.Currency != "PLN" || !strings.HasPrefix(h.Gross, "-") {
		t.Errorf("the fields for listings are not those of the document: %+v", h)
	}
	if h.Size != int64(len(doc)) || h.Hash != sha256.Sum256(doc) {
		t.Errorf("the header has size %d and hash %x, want %d and %x", h.Size, h.Hash, len(doc), sha256.Sum256(doc))
	}
	if err := invoice.Check(h, time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), invoice.CheckOptions{CheckNIPs: true}); err != nil {
		t.Error(err)
	}
}

func TestParse_AcceptedDocument_IsReadAsXMLDefines(t *testing.T) {
	fa := `xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/"`
	prefixed := strings.NewReplacer("</", "</f:", "<?", "<?", "<", "<f:").Replace(small[strings.Index(small, "\n")+1:])
	prefixed = strings.ReplaceAll(strings.ReplaceAll(prefixed, "<f:/f:", "</f:"), "xmlns=", "xmlns:f=")
	for _, c := range []struct{ why, doc, number string }{
		{"the document without changes", small, "FV/1"},
		{"no declaration", small[strings.Index(small, "\n")+1:], "FV/1"},
		{"encoding in lower case", with(t, `"UTF-8"`, `"utf-8"`), "FV/1"},
		{"declaration in single quotes with standalone", with(t, `version="1.0" encoding="UTF-8"`,
			`version='1.0'  encoding = 'UTF-8' standalone='yes' `), "FV/1"},
		{"a declaration with the version alone", with(t, ` encoding="UTF-8"`, ``), "FV/1"},
		{"white space collapses as in a token", with(t, ">FV/1<", ">\r\n  FV/1 \t x\n <"), "FV/1 x"},
		{"white space by reference collapses too", with(t, ">FV/1<", ">&#9;FV/1&#x20;&#10; x<"), "FV/1 x"},
		{"named references are decoded", with(t, ">FV/1<", ">A&amp;B&lt;C&gt;&quot;&apos;<"), `A&B<C>"'`},
		{"a doubly escaped reference stays text", with(t, ">FV/1<", ">&amp;amp;<"), "&amp;"},
		{"numeric references are decoded", with(t, ">FV/1<", ">F&#86;/&#x31;&#x017B;&#x1F600;<"), "FV/1Ż😀"},
		{"CDATA is text, including its ampersand",
			with(t, ">FV/1<", "><![CDATA[FV&amp;]]>/<![CDATA[]]]]><![CDATA[>1]]><"), "FV&amp;/]]>1"},
		{"a comment inside a value vanishes", with(t, ">FV/1<", ">FV<!-- - -->/1<"), "FV/1"},
		{"a longer value is put together from five pieces", with(t, ">FV/1<", ">a<!--x-->b&amp;<![CDATA[c]]>d<!--y-->e<"), "ab&cde"},
		{"the form's namespace by prefix", prefixed, "FV/1"},
		{"]] alone is text", with(t, ">FV/1<", ">FV]]1]<"), "FV]]1]"},
		{"Unicode next to discouraged characters", with(t, ">FV/1<", ">\u00A0\u0085x\uFDF0\uFDCF\uFFFD\U0001FFFD<"),
			"\u00A0\u0085x\uFDF0\uFDCF\uFFFD\U0001FFFD"},
		{"a byte order mark inside text is a character", with(t, ">FV/1<", ">a\uFEFFb<"), "a\uFEFFb"},
		{"comments around the root", "<!-- a -->\n" + small[strings.Index(small, "\n")+1:] + "<!-- b -->\n", "FV/1"},
		{"256 characters, of two bytes each", with(t, ">FV/1<", ">"+strings.Repeat("Ż", 256)+"<"), strings.Repeat("Ż", 256)},
		{"an empty element elsewhere", with(t, "<P_15>", "<P_13_1 /><P_15>"), "FV/1"},
		{"P_2 of another namespace is another element", with(t, "<P_2>", `<P_2 xmlns="urn:x">wrong</P_2><P_2>`), "FV/1"},
		{"P_2 of another namespace by prefix", with(t, "<P_2>", `<x:P_2 xmlns:x="urn:x">wrong</x:P_2><P_2>`), "FV/1"},
		{"P_2 deeper down is another element", with(t, "<P_2>", `<Zamowienie><P_2>wrong</P_2></Zamowienie><P_2>`), "FV/1"},
		{"P_2 in an attachment is another element", with(t, "</Fa>", `</Fa><Zalacznik><Fa><P_2>wrong</P_2></Fa></Zalacznik>`), "FV/1"},
		{"Faktura inside Faktura changes nothing", with(t, "<Fa>", `<Faktura><Fa><P_2>wrong</P_2></Fa></Faktura><Fa>`), "FV/1"},
		{"the namespace may be declared again", with(t, "<Fa>", `<Fa `+fa+`>`), "FV/1"},
		{"attributes of one local name in two namespaces", with(t, "<Fa>", `<Fa a="1" x:a="2" xmlns:x="urn:x">`), "FV/1"},
		{"xml:lang needs no declaration", with(t, "<Fa>", `<Fa xml:lang="pl">`), "FV/1"},
		{"a name with Polish letters in a foreign element", with(t, "<P_2>", `<ż:źdźbło xmlns:ż="urn:x" ó="1"/><P_2>`), "FV/1"},
		{"white space in an end tag", with(t, "</P_2>", "</P_2\n>"), "FV/1"},
	} {
		t.Run(c.why, func(t *testing.T) {
			h, err := invoice.Parse([]byte(c.doc))
			if err != nil {
				t.Fatal(err)
			}
			if h.Number != c.number {
				t.Errorf("Number = %q, want %q", h.Number, c.number)
			}
			if h.SellerNIP != "5265877635" || h.SellerName != "Żółw" || h.BuyerName != "Łoś" ||
				h.Kind != "VAT" || h.Gross != "123.45" {
				t.Errorf("other fields have changed: %+v", h)
			}
		})
	}
}

func TestParse_Fields_AreTakenByExactPathOnly(t *testing.T) {
	// These elements have the names of header fields, but other paths.
	doc := with(t, "<Fa>", `<Podmiot3><DaneIdentyfikacyjne><NIP>1111111111</NIP><Nazwa>nie</Nazwa></DaneIdentyfikacyjne></Podmiot3>
<Podmiot3><DaneIdentyfikacyjne><NIP>5265877635</NIP></DaneIdentyfikacyjne></Podmiot3>
<PodmiotUpowazniony><DaneIdentyfikacyjne><NIP>2222222222</NIP><Nazwa>nie</Nazwa></DaneIdentyfikacyjne></PodmiotUpowazniony>
<Fa><Podmiot1K><DaneIdentyfikacyjne><NIP>3333333333</NIP><Nazwa>nie</Nazwa></DaneIdentyfikacyjne></Podmiot1K>
<Podmiot1><DaneIdentyfikacyjne><NIP>4444444444</NIP></DaneIdentyfikacyjne></Podmiot1><P_15Z>9</P_15Z><Zalacznik/>`)
	h, err := invoice.Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if h.SellerNIP != "5265877635" || h.SellerName != "Żółw" || h.BuyerNIP != "5210000003" || h.Gross != "123.45" || h.Attachment {
		t.Errorf("a field was taken from another path: %+v", h)
	}
}

func TestParse_BuyerWithoutNIP_LeavesItEmpty(t *testing.T) {
	h, err := invoice.Parse([]byte(with(t, "<NIP>5210000003</NIP>", "<KodUE>DE</KodUE><NrVatUE>123456789</NrVatUE>")))
	if err != nil {
		t.Fatal(err)
	}
	if h.BuyerNIP != "" || h.BuyerName != "Łoś" {
		t.Errorf("the buyer is %q %q, want no NIP and the name Łoś", h.BuyerNIP, h.BuyerName)
	}
	if err := invoice.Check(h, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), invoice.CheckOptions{CheckNIPs: true}); err != nil {
		t.Error(err)
	}
}

func TestParse_FA2_IsReadWithItsForm(t *testing.T) {
	h, err := invoice.Parse([]byte(fa2(t)))
	if err != nil {
		t.Fatal(err)
	}
	if h.Form.Version() != "v2" || h.Form != invoice.FA2() {
		t.Errorf("form = %+v, want FA (2)", h.Form)
	}
}

func fa2(t testing.TB) string {
	doc := with(t, "2025/06/25/13775", "2023/06/29/12648")
	doc = strings.Replace(doc, "FA (3)", "FA (2)", 1)
	return strings.Replace(doc, "<WariantFormularza>3<", "<WariantFormularza>2<", 1)
}

func TestParse_LongBuyerName_IsCutNotRefused(t *testing.T) {
	h, err := invoice.Parse([]byte(with(t, ">Łoś<", ">"+strings.Repeat("Ł", 100_000)+"<")))
	if err != nil {
		t.Fatal(err)
	}
	if h.BuyerName != strings.Repeat("Ł", 512) {
		t.Errorf("the buyer's name has %d bytes, want it cut to 512 characters", len(h.BuyerName))
	}
}

func TestParse_SeveralFaults_AreReportedTogether(t *testing.T) {
	doc := strings.NewReplacer(
		"<P_1>2026-11-23</P_1>", "",
		">VAT<", "> <",
		"<NIP>5265877635</NIP>", "<NIP>526-587-76-35</NIP>",
	).Replace(small)
	_, err := invoice.Parse([]byte(doc))
	var fields []string
	for _, f := range invoice.FieldErrors(err) {
		fields = append(fields, f.Field)
	}
	if got := strings.Join(fields, " "); got != "Podmiot1/NIP P_1 RodzajFaktury" {
		t.Errorf("the faults are of the fields %q, want Podmiot1/NIP, P_1 and RodzajFaktury: %v", got, err)
	}
	var first *invoice.FieldError
	if !errors.As(err, &first) || first.Field != "Podmiot1/NIP" || first.Line != 7 {
		t.Errorf("the first fault should be that of Podmiot1/NIP: %+v", first)
	}
}

func TestParse_Refused_StillReturnsHashSizeAndFieldsReadSoFar(t *testing.T) {
	doc := []byte(small[:strings.Index(small, "<P_15>")])
	h, err := invoice.Parse(doc)
	if err == nil {
		t.Fatal("a truncated document was accepted")
	}
	if h.Number != "FV/1" || h.Size != int64(len(doc)) || h.Hash != sha256.Sum256(doc) {
		t.Errorf("the header lacks the number, the size or the hash: %+v", h)
	}
}

func TestParse_HostileDocuments_CostLinearTime(t *testing.T) {
	if testing.Short() {
		t.Skip("reads several documents of 3 MB")
	}
	fill := func(head, piece, tail string) string {
		n := (invoice.MaxSize - len(head) - len(tail)) / len(piece)
		return head + strings.Repeat(piece, n) + tail
	}
	root := `<Faktura xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/"`
	start := time.Now()
	for why, doc := range map[string]string{
		"a value of references":  strings.Replace(small, "FV/1", fill("", "&#65;", "")[:2_900_000], 1),
		"a value of comments":    strings.Replace(small, "FV/1", fill("", "a<!---->", "")[:2_800_000], 1),
		"nothing but ampersands": fill(root+">", "&", ""),
		"unclosed elements":      fill(root+">", "<a>", ""),
		"attributes":             fill(root, ` a="1"`, ">"),
		"declarations":           fill(root, ` xmlns:a="b"`, ">"),
		"repeated fields":        fill(strings.Split(small, "<Fa>")[0]+"<Fa>", "<P_2/>", "</Fa></Faktura>"),
		"wrong NIPs": fill(strings.Split(small, "<Fa>")[0],
			"<Podmiot3><DaneIdentyfikacyjne><NIP>1</NIP></DaneIdentyfikacyjne></Podmiot3>", "</Faktura>"),
		"newlines and no end":              fill(root+">", "\n", ""),
		"brackets":                         fill(root+">", "]", "</Faktura>"),
		"one enormous name":                fill("<", "a", ">"),
		"one enormous element in the root": fill(root+"><", "a", ">"),
	} {
		h, err := invoice.Parse([]byte(doc))
		for _, f := range invoice.FieldErrors(err) {
			if len(f.Error()) > 2000 {
				t.Errorf("%s: the text of an error has %d bytes, want 2,000 at most", why, len(f.Error()))
			}
		}
		if len(h.Number) > 4*257 {
			t.Errorf("%s: the number in the header has %d bytes, want 1,028 at most", why, len(h.Number))
		}
	}
	// Linear code needs less than a second even with -race; quadratic code would need minutes.
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("reading the documents took %v, want 20 seconds at most", took)
	}
}
