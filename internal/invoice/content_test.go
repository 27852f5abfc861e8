package invoice_test

import (
	"strings"
	"testing"

	"ksefworker/internal/invoice"
	"ksefworker/internal/sample"
)

// exported returns an invoice as an accounting program exports it at the given time.
func exported(created string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<Faktura xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/" xmlns:x="urn:x">
 <Naglowek>
  <KodFormularza kodSystemowy="FA (3)" wersjaSchemy="1-0E">FA</KodFormularza>
  <WariantFormularza>3</WariantFormularza>
  <DataWytworzeniaFa>` + created + `</DataWytworzeniaFa>
  <SystemInfo>ERP 1.0</SystemInfo>
 </Naglowek>
 <Fa><P_2>FV/1 a</P_2><P_7>A &amp; B</P_7><x:Own x:a="1" b="2"/>
  <DataWytworzeniaFa>1</DataWytworzeniaFa><Naglowek><SystemInfo>2</SystemInfo></Naglowek></Fa>
</Faktura>
`
}

func TestContentOf_SameInvoiceWrittenDifferently_KeepsTheDigest(t *testing.T) {
	doc := exported("2026-11-25T08:00:00Z")
	want := content(t, doc)
	if want.Created != "2026-11-25T08:00:00Z" || want.System != "ERP 1.0" {
		t.Errorf("the content was created %q by %q, want the time and the program of the document", want.Created, want.System)
	}
	for _, c := range []struct{ why, old, by string }{
		{"another time of creation", "T08:00:00Z<", "T09:30:00.5+01:00<"},
		{"another program", "ERP 1.0", "ERP <![CDATA[2.0 & more]]>"},
		{"no program", "<SystemInfo>ERP 1.0</SystemInfo>", ""},
		{"no time of creation", "<DataWytworzeniaFa>2026-11-25T08:00:00Z</DataWytworzeniaFa>", ""},
		{"an attribute of an ignored element", "<SystemInfo>ERP", `<SystemInfo lang="pl">ERP`},
		{"no declaration", `<?xml version="1.0" encoding="UTF-8"?>`, ""},
		{"line ends", "\n", "\r\n"},
		{"no indentation", "\n  ", ""},
		{"comments", "<P_7>A", "<!-- a > b --><P_7><!-- c -->A"},
		{"a comment inside a word", "FV/1", "F<!-- -->V/1"},
		{"CDATA", "A &amp; B", "<![CDATA[A & ]]>B"},
		{"decimal references", "A &amp; B", "&#65; &#38; &#66;"},
		{"hexadecimal references", "A &amp; B", "&#x41; &#x00026; B"},
		{"white space at the ends of a value", ">FV/1 a<", ">\n   FV/1 a\t<"},
		{"white space inside a value", "FV/1 a", "FV/1 \t\r\n a"},
		{"white space by reference", "FV/1 a", "&#32;FV/1&#x9;a&#10;&#13;"},
		{"the order of attributes", `x:a="1" b="2"`, `b="2" x:a="1"`},
		{"quotes of attributes", `b="2"`, `b='2'`},
		{"references in attributes", `b="2"`, `b="&#50;"`},
		{"an element written in two tags", `b="2"/>`, `b="2"></x:Own>`},
		{"white space in tags", `<P_2>FV/1 a</P_2>`, "<P_2 \n>FV/1 a</P_2\t>"},
		{"another prefix", "x:", "y:"},
		{"an unused declaration", `xmlns:x="urn:x"`, `xmlns:x="urn:x" xmlns:z="urn:z"`},
	} {
		if !strings.Contains(doc, c.old) {
			t.Fatalf("%s: %q is not in the document", c.why, c.old)
		}
		other := strings.ReplaceAll(doc, c.old, c.by)
		if c.old == "x:" {
			other = strings.ReplaceAll(other, "xmlns:x=", "xmlns:y=")
		}
		if got := content(t, other); got.Digest != want.Digest {
			path, err := invoice.FirstDifference([]byte(doc), []byte(other))
			t.Errorf("%s: the digest differs, first at %q (%v), want the same digest", c.why, path, err)
		}
		if path, err := invoice.FirstDifference([]byte(doc), []byte(other)); path != "" || err != nil {
			t.Errorf("%s: the first difference is %q, %v, want none", c.why, path, err)
		}
	}
}

func TestContentOf_AnotherInvoice_ChangesTheDigestAndTheDifferenceIsNamed(t *testing.T) {
	doc := exported("2026-11-25T08:00:00Z")
	want := content(t, doc)
	for _, c := range []struct{ why, old, by, path string }{
		{"a value", "FV/1 a", "FV/1 b", "Fa/P_2"},
		{"a value's case", "FV/1 a", "FV/1 A", "Fa/P_2"},
		{"white space removed", "FV/1 a", "FV/1a", "Fa/P_2"},
		{"a character that is not white space in XML", "FV/1 a", "FV/1\u00a0a", "Fa/P_2"},
		{"an empty value", "FV/1 a", "", "Fa/P_2"},
		{"a doubly escaped reference", "&amp;", "&amp;amp;", "Fa/P_7"},
		{"one element more", "<P_7>", "<P_6/><P_7>", "Fa/P_7"},
		{"one element less", "<P_2>FV/1 a</P_2>", "", "Fa/P_2"},
		{"one element more at the end", "</Fa>", "<P_9/></Fa>", "Fa/P_9"},
		{"the order of elements", "<P_2>FV/1 a</P_2><P_7>A &amp; B</P_7>", "<P_7>A &amp; B</P_7><P_2>FV/1 a</P_2>", "Fa/P_2"},
		{"another namespace", "urn:x", "urn:y", "Fa/Own"},
		{"one namespace less", "<x:Own x:a", "<Own x:a", "Fa/Own"},
		{"an attribute's value", `b="2"`, `b="3"`, "Fa/Own"},
		{"white space in an attribute", `"FA (3)"`, `"FA  (3)"`, "Naglowek/KodFormularza"},
		{"one attribute less", ` b="2"`, "", "Fa/Own"},
		{"an attribute's namespace", `x:a="1"`, `a="1"`, "Fa/Own"},
		{"text between elements", "</P_7>", "</P_7>!", "Fa"},
		{"the variant", "<WariantFormularza>3", "<WariantFormularza>2", "Naglowek/WariantFormularza"},
		{"an element with an ignored name outside the header", "<DataWytworzeniaFa>1", "<DataWytworzeniaFa>3", "Fa/DataWytworzeniaFa"},
		{"an element with an ignored path inside Fa", "<SystemInfo>2", "<SystemInfo>3", "Fa/Naglowek/SystemInfo"},
		{"the root", "Faktura", "faktura", "Faktura"},
		{"the form", "13775", "12648", "Faktura"},
	} {
		if !strings.Contains(doc, c.old) {
			t.Fatalf("%s: %q is not in the document", c.why, c.old)
		}
		other := strings.ReplaceAll(doc, c.old, c.by)
		if got := content(t, other); got.Digest == want.Digest {
			t.Errorf("%s: the digest is the same, want another one", c.why)
		}
		if path, err := invoice.FirstDifference([]byte(doc), []byte(other)); path != c.path || err != nil {
			t.Errorf("%s: the first difference is %q, %v, want %q", c.why, path, err, c.path)
		}
	}
}

func TestContentOf_IgnoredNameInAnotherNamespace_Counts(t *testing.T) {
	doc := strings.Replace(exported("2026-11-25T08:00:00Z"), "<SystemInfo>ERP 1.0</SystemInfo>", "<x:SystemInfo>1</x:SystemInfo>", 1)
	if content(t, doc).Digest == content(t, strings.Replace(doc, "<x:SystemInfo>1", "<x:SystemInfo>2", 1)).Digest {
		t.Error("an element of another namespace is ignored, want it counted")
	}
}

func TestContentOf_NotWellFormed_IsAnError(t *testing.T) {
	for _, c := range refusals(t) {
		if c.xml {
			continue
		}
		if _, err := invoice.ContentOf([]byte(c.doc)); err == nil {
			t.Errorf("%s: a document that is not well-formed has a digest, want an error", c.why)
		}
		if path, err := invoice.FirstDifference([]byte(c.doc), []byte(c.doc)); err == nil {
			t.Errorf("%s: a document that is not well-formed was compared with itself: %q, want an error", c.why, path)
		}
	}
}

func TestHeaderAtFault_OnlyForValuesThatKSeFMayRefuse(t *testing.T) {
	for created, want := range map[string]bool{
		"2026-11-25T08:00:00Z": false, "2026-11-25T08:00:00": false,
		"2026-11-25T08:00:00.1234567+01:00": false, "2025-09-01T00:00:00Z": false,
		"2025-08-31T23:59:59Z": true, "2051-01-01T00:00:00Z": true,
		"2026-11-25 08:00:00": true, "2026-11-25": true, "": true, "25.11.2026": true,
	} {
		if got := content(t, exported(created)).HeaderAtFault(); got != want {
			t.Errorf("created %q: the header is at fault: %v, want %v", created, got, want)
		}
	}
	for length, want := range map[int]bool{256: false, 257: true, 5000: true} {
		doc := strings.Replace(exported("2026-11-25T08:00:00Z"), "ERP 1.0", strings.Repeat("ż", length), 1)
		if got := content(t, doc).HeaderAtFault(); got != want {
			t.Errorf("a program's name of %d characters: the header is at fault: %v, want %v", length, got, want)
		}
	}
}

func content(t testing.TB, doc string) invoice.Content {
	t.Helper()
	c, err := invoice.ContentOf([]byte(doc))
	if err != nil {
		t.Fatalf("ContentOf gives the error %v, want none, for %q", err, doc)
	}
	return c
}

func BenchmarkContentOf(b *testing.B) {
	doc := eightKB()
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := invoice.ContentOf(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFirstDifference(b *testing.B) {
	doc, other := eightKB(), sample.Invoice(sample.Options{Lines: 18, PadTo: 8000, Seed: 1})
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if path, err := invoice.FirstDifference(doc, other); path != "" || err != nil {
			b.Fatal(path, err)
		}
	}
}
