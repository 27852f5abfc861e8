package fa_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/invoice/schema/schematest"
	"ksefworker/internal/simulator/fa"
	"ksefworker/internal/simulator/fa/fatest"
)

// Each document is written in an odd way, which XML and the schema allow or forbid. The codes are
// those that follow from the verdict of xmllint. If xmllint and the Ministry's schemas are on this
// machine, xmllint is asked again.
func TestInspect_OddlyWrittenDocuments_AreJudgedAsByXmllint(t *testing.T) {
	good := fatest.Invoice(fatest.SellerA, "FV/1", fatest.Today)
	edit := func(old, new string) string { return fatest.Swap(t, good, old, new) }
	prolog := func(new string) string { return edit(`<?xml version="1.0" encoding="UTF-8"?>`, new) }
	in := func(element, attributes string) string { return edit("<"+element+">", "<"+element+attributes+">") }
	system := func(value string) string { return edit("FA (3)", value) }
	judged(t, []oddity{
		{"white CDATA between elements", edit("<Fa>", "<![CDATA[ ]]><Fa>"), 450},
		{"empty CDATA between elements", edit("<Fa>", "<![CDATA[]]><Fa>"), 450},
		{"CDATA with text between elements", edit("<Fa>", "<![CDATA[x]]><Fa>"), 450},
		{"CDATA in a text", edit("<P_2>FV/1", "<P_2>FV<![CDATA[/1]]>"), 200},
		{"empty CDATA in a text", edit("<P_2>FV/1", "<P_2>FV<![CDATA[]]>/1"), 200},
		{"CDATA in a text that is an integer", edit("<JST>2", "<JST><![CDATA[2]]>"), 200},
		{"white CDATA before the root", edit("\n<Faktura", "\n<![CDATA[ ]]><Faktura"), 430},
		{"white CDATA after the root", good + "<![CDATA[ ]]>", 430},
		{"what looks like a reference, in CDATA", edit("<P_2>FV/1", "<P_2><![CDATA[&#xD800;]]>"), 200},
		{"white space before the declaration", " " + good, 430},
		{"a line feed before the declaration", "\n" + good, 430},
		{"a comment before the declaration", "<!---->" + good, 430},
		{"a declaration without version", prolog(`<?xml encoding="UTF-8"?>`), 430},
		{"an empty declaration", prolog(`<?xml?>`), 430},
		{"a declaration in another order", prolog(`<?xml encoding="UTF-8" version="1.0"?>`), 430},
		{"a declaration with something else", prolog(`<?xml version="1.0" encoding="UTF-8" a="b"?>`), 430},
		{"a declaration without spaces", prolog(`<?xml version="1.0"encoding="UTF-8"?>`), 430},
		{"a declaration in capital letters", prolog(`<?XML version="1.0" encoding="UTF-8"?>`), 430},
		{"a declaration in single quotes", prolog(`<?xml version='1.0' encoding='UTF-8'?>`), 200},
		{"a declaration with spaces", prolog("<?xml  version = \"1.0\"\n encoding= 'utf-8'\tstandalone =\"yes\" ?>"), 200},
		{"a declaration without encoding", prolog(`<?xml version="1.0"?>`), 200},
		{"standalone is neither yes nor no", prolog(`<?xml version="1.0" encoding="UTF-8" standalone="maybe"?>`), 430},
		{"half of a surrogate pair", edit("Usługa", "&#xD800;"), 430},
		{"half of a surrogate pair, decimal", edit("Usługa", "&#57343;"), 430},
		{"half of a surrogate pair in an attribute", edit(`wersjaSchemy="1-0E"`, `wersjaSchemy="1-0E&#xDFFF;"`), 430},
		{"a reference in a comment", edit("<Fa>", "<!-- &#xD800; --><Fa>"), 200},
		{"a reference to U+FFFD", edit("Usługa", "&#xFFFD;"), 200},
		{"a reference beyond Unicode", edit("Usługa", "&#x110000;"), 430},
		{"a reference with a capital X", edit("Usługa", "&#X41;"), 430},
		{"a blank by reference after the root", good + "&#32;", 430},
		{"a line feed by reference before the root", edit("\n<Faktura", "&#10;<Faktura"), 430},
		{"a blank by reference before the declaration", "&#x20;" + good, 430},
		{"U+FFFE in a comment", edit("<Fa>", "<!-- \uFFFE --><Fa>"), 430},
		{"a control character in a comment after the root", good + "<!-- \x01 -->", 430},
		{"U+FFFD and a tab in a comment", edit("<Fa>", "<!-- \uFFFD\t --><Fa>"), 200},
		{"a prefix for no namespace", in("Fa", ` xmlns:z=""`), 430},
		{"the default namespace taken back", in("Fa", ` xmlns=""`), 450},
		{"the prefix xml for its own namespace", in("Fa", ` xmlns:xml="http://www.w3.org/XML/1998/namespace"`), 200},
		{"the prefix xml for another namespace", in("Fa", ` xmlns:xml="urn:x"`), 430},
		{"another prefix for the namespace of xml", in("Fa", ` xmlns:z="http://www.w3.org/XML/1998/namespace"`), 430},
		{"the namespace of xml by reference", in("Fa", ` xmlns:z="http://www.w3.org/XML/1998/namespac&#101;"`), 430},
		{"the namespace of xml as the default", in("Fa", ` xmlns="http://www.w3.org/XML/1998/namespace"`), 430},
		{"the prefix xmlns", in("Fa", ` xmlns:xmlns="urn:x"`), 430},
		{"the prefix xmlns for its own namespace", in("Fa", ` xmlns:xmlns="http://www.w3.org/2000/xmlns/"`), 430},
		{"another prefix for the namespace of xmlns", in("Fa", ` xmlns:z="http://www.w3.org/2000/xmlns/"`), 430},
		{"an attribute twice by namespace", in("Fa", ` xmlns:y="urn:x" xmlns:z="urn:x" y:a="1" z:a="2"`), 430},
		{"two attributes of two namespaces", in("Fa", ` xmlns:y="urn:x" xmlns:z="urn:y" y:a="1" z:a="2"`), 450},
		{"an element with the prefix xml", edit("<P_2>FV/1</P_2>", "<xml:P_2>FV/1</xml:P_2>"), 450},
		{"a prefix that begins with a digit", in("Fa", ` xmlns:1="urn:x"`), 430},
		{"a declaration without a prefix after its colon", in("Fa", ` xmlns:="urn:x"`), 430},
		{"a colon in front of an attribute", in("Fa", ` :a="1"`), 430},
		{"a colon at the end of an attribute", in("Fa", ` a:="1"`), 430},
		{"a colon at the end of an element", edit("<Fa>", "<a:/><Fa>"), 430},
		{"the form with a tab", system("FA\t(3)"), 200},
		{"the form with a line feed", system("FA\n(3)"), 200},
		{"the form with a carriage return and a line feed", system("FA\r\n(3)"), 200},
		{"the form with a blank by reference", system("FA&#32;(3)"), 200},
		{"the form with a tab by reference", system("FA&#9;(3)"), 450},
		{"the form with a line feed by reference", system("FA&#xA;(3)"), 450},
		{"the form with a carriage return by reference", system("FA&#13;\n(3)"), 450},
		{"the form with a tab, and the version with a tab by reference",
			edit(`FA (3)" wersjaSchemy="`, "FA\t(3)\" wersjaSchemy=\"&#9;"), 450},
		{"the form with a blank at its end", system("FA (3) "), 450},
		{"xsi:type with the type of a text", in("P_15", xsi+` xsi:type="TKwotowy"`), 200},
		{"xsi:type with the type of elements", in("Naglowek", xsi+tns+` xsi:type="t:TNaglowek"`), 200},
		{"xsi:type with an imported type", in("P_16", xsi+etd+` xsi:type="t:TWybor1_2"`), 200},
		{"xsi:type with a derived type", edit("<KodKraju>PL", "<KodKraju"+xsi+etd+` xsi:type="t:TKodKrajuWydania">PA`), 200},
		{"xsi:type with a derived type that does not allow the value",
			in("KodKraju", xsi+etd+` xsi:type="t:TKodKrajuWydania"`), 450},
		{"xsi:type with the type from which it is derived", in("KodWaluty", xsi+xsd+` xsi:type="t:token"`), 450},
		{"xsi:type with an unrelated type of texts", in("P_2", xsi+` xsi:type="TZnakowy512"`), 450},
		{"xsi:type with an unrelated type of elements", in("Naglowek", xsi+` xsi:type="TAdres"`), 450},
		{"xsi:type with an unknown type", in("P_15", xsi+` xsi:type="TKwota"`), 450},
		{"xsi:type with an undeclared prefix", in("P_15", xsi+` xsi:type="q:TKwotowy"`), 450},
		{"xsi:type with a colon in front", in("P_15", xsi+` xsi:type=":TKwotowy"`), 450},
		{"xsi:type that is empty", in("P_15", xsi+` xsi:type=""`), 450},
		{"xsi:schemaLocation", edit("<Faktura", "<Faktura"+xsi+` xsi:schemaLocation="urn:x x.xsd"`), 200},
		{"xsi:noNamespaceSchemaLocation in a text", in("P_2", xsi+` xsi:noNamespaceSchemaLocation="x.xsd"`), 200},
		{"xsi:SchemaLocation", edit("<Faktura", "<Faktura"+xsi+` xsi:SchemaLocation="urn:x x.xsd"`), 450},
		{"xsi:nil true", in("P_2", xsi+` xsi:nil="true"`), 450},
		{"xsi:nil false", in("P_2", xsi+` xsi:nil="false"`), 450},
		{"xsi:unknown", in("P_2", xsi+` xsi:unknown="1"`), 450},
		{"no space between attributes", edit(`"FA (3)" w`, `"FA (3)"w`), 430},
		{"a no-break space after the root", good + "\u00a0", 430},
		{"U+0085 after the root", good + "\u0085", 430},
		{"a JST of 02", edit("<JST>2", "<JST>02"), 200},
		{"a JST of +1", edit("<JST>2", "<JST>+1"), 200},
		{"a JST of +1 and white space", edit("<JST>2", "<JST>\n+1 "), 200},
		{"a JST of -2", edit("<JST>2", "<JST>-2"), 450},
		{"a JST of 2.", edit("<JST>2", "<JST>2."), 450},
		{"a JST of 2.0", edit("<JST>2", "<JST>2.0"), 450},
		{"a JST of 2 and a no-break space", edit("<JST>2", "<JST>2\u00a0"), 450},
		{"a GV of 002", edit("<GV>2", "<GV>002"), 200},
		{"a WariantFormularza of +03", edit("<WariantFormularza>3", "<WariantFormularza>+03"), 200},
		{"a P_16 of +2", edit("<P_16>2", "<P_16>+2"), 200},
		{"a P_2 of a no-break space", edit("<P_2>FV/1", "<P_2>\u00a0"), 200},
		{"a P_2 of an ideographic space", edit("<P_2>FV/1", "<P_2>\u3000"), 200},
		{"a Nazwa of a no-break space", edit("<Nazwa>Zażółć &amp; Syn", "<Nazwa>\u00a0"), 200},
		{"a P_2 of blanks by reference", edit("<P_2>FV/1", "<P_2>&#32;&#9;"), 450},
		{"a KodKraju after a no-break space", edit("<KodKraju>PL", "<KodKraju>\u00a0PL"), 450},
		{"a P_15 after a no-break space", edit("<P_15>123.00", "<P_15>\u00a0123.00"), 450},
		{"a P_1 after a no-break space", edit("<P_1>"+fatest.Today, "<P_1>\u00a0"+fatest.Today), 450},
		{"a KodWaluty with white space", edit("<KodWaluty>PLN", "<KodWaluty> PLN"), 450},
		{"a RodzajFaktury with white space", edit("<RodzajFaktury>VAT", "<RodzajFaktury>\nVAT "), 200},
	})
}

// In these cases the simulator does not follow the verdict of xmllint. Each case says why.
func TestInspect_WhereXmllintIsAlone_FollowsTheStandard(t *testing.T) {
	good := fatest.Invoice(fatest.SellerA, "FV/1", fatest.Today)
	edit := func(old, new string) string { return fatest.Swap(t, good, old, new) }
	for _, c := range []struct {
		name, why, document string
		code                int
	}{
		{"an empty CDATA section for a fixed value", "the section is no content, so the element has its fixed value; Xerces agrees",
			edit("<Podmiot1>", "<Podmiot1><PrefiksPodatnika><![CDATA[]]></PrefiksPodatnika>"), 200},
		{"the name of a namespace that is no URI", "a parser need not check it; Xerces does not",
			edit("<Fa>", `<Fa xmlns:z="a b">`), 200},
		{"XML 1.1", "KSeF takes XML 1.0 only", edit(`version="1.0"`, `version="1.1"`), 430},
		{"ISO-8859-2", "KSeF takes UTF-8 only", edit(`encoding="UTF-8"`, `encoding="ISO-8859-2"`), 430},
		{"a byte order mark", "KSeF takes none", "\uFEFF" + good, 430},
		{"a DTD", "KSeF takes none", edit("\n<Faktura", "\n<!DOCTYPE Faktura><Faktura"), 430},
		{"a processing instruction", "KSeF takes none", edit("<P_2>FV/1", "<P_2>FV<?a?>/1"), 430},
		{"NUL at the end", "XML has no such character", good + "\x00", 430},
	} {
		r := fa.Inspect([]byte(c.document), fa.Forms()["v3"], fa.Circumstances{Accepted: fatest.Noon().Add(time.Hour)})
		if r.Code != c.code {
			t.Errorf("%s: code %d (%s), want %d, because %s", c.name, r.Code, r.Details, c.code, c.why)
		}
	}
}

const (
	xsi = ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	xsd = ` xmlns:t="http://www.w3.org/2001/XMLSchema"`
	tns = ` xmlns:t="http://crd.gov.pl/wzor/2025/06/25/13775/"`
	etd = ` xmlns:t="http://crd.gov.pl/xml/schematy/dziedzinowe/mf/2022/01/05/eD/DefinicjeTypy/"`
)

// oddity is a document and the code that Inspect must give it.
type oddity struct {
	name, document string
	code           int
}

// judged checks the codes of the documents. If xmllint and the Ministry's schemas are on this
// machine, it also checks that the verdicts of xmllint stand for the same codes.
func judged(t *testing.T, cases []oddity) {
	t.Helper()
	docs := make([][]byte, len(cases))
	for i, c := range cases {
		docs[i] = []byte(c.document)
		r := fa.Inspect(docs[i], fa.Forms()["v3"], fa.Circumstances{Accepted: fatest.Noon().Add(time.Hour)})
		if r.Code != c.code {
			t.Errorf("%s: code %d (%s), want %d", c.name, r.Code, r.Details, c.code)
		}
	}
	dir := os.Getenv("KSEF_SCHEMA_DIR")
	if dir == "" {
		return
	}
	lint := schematest.NewXmllint(t, filepath.Join(dir, "schemat_FA(3)_v1-0E.xsd"), filepath.Join(dir, "bazowe"))
	if lint == nil {
		return
	}
	codes := map[schematest.Verdict]int{schematest.Unread: 430, schematest.Invalid: 450, schematest.Valid: 200}
	wellFormed := schematest.WellFormed(t, docs)
	for i, verdict := range lint.Check(t, docs) {
		if !wellFormed[i] {
			verdict = schematest.Unread // xmllint goes on after an error of namespaces
		}
		if codes[verdict] != cases[i].code {
			t.Errorf("%s: the verdict of xmllint stands for %d, want %d", cases[i].name, codes[verdict], cases[i].code)
		}
	}
}

// An invoice with P_17 = +1 is self-billed like one with P_17 = 1.
func TestInspect_SelfBilledWrittenAsAnyInteger_TheBuyerIssues(t *testing.T) {
	good := fatest.Invoice(fatest.SellerA, "FV/1", fatest.Today)
	for text, self := range map[string]bool{"1": true, " 1\n": true, "+1": true, "01": true, "2": false, "+2": false} {
		doc := fatest.Swap(t, good, "<P_17>2", "<P_17>"+text)
		r := fa.Inspect([]byte(doc), fa.Forms()["v3"], fa.Circumstances{Accepted: fatest.Noon().Add(time.Hour)})
		if r.Code != 200 || r.Header.SelfBilled != self {
			t.Errorf("P_17 %q: code %d (%s), self-billed is %v, want code 200 and %v",
				text, r.Code, r.Details, r.Header.SelfBilled, self)
		}
	}
}

// The simulator refuses every document that xmllint finds malformed. A document that is well-formed
// for xmllint is well-formed for the simulator too, unless it has a DTD or another encoding or
// version of XML.
func TestInspect_BrokenDocuments_AgreesWithXmllint(t *testing.T) {
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint is not on PATH")
	}
	random := rand.New(rand.NewPCG(5, 6))
	docs := make([][]byte, 1500)
	for i := range docs {
		docs[i] = mutate(random, []byte(fatest.Invoice(fatest.SellerA, "FV/1", fatest.Today)))
	}
	wellFormed, taken := schematest.WellFormed(t, docs), 0
	for i, doc := range docs {
		r := fa.Inspect(doc, fa.Forms()["v3"], fa.Circumstances{Accepted: fatest.Noon().Add(time.Hour)})
		if r.Code == 200 {
			taken++
		}
		stricter := strings.Contains(r.Details, "a DTD") || strings.Contains(r.Details, "CharsetReader") ||
			strings.Contains(r.Details, "unsupported version")
		switch broken := strings.Contains(r.Details, "not well-formed"); {
		case !wellFormed[i] && r.Code == 200:
			t.Errorf("xmllint finds malformed what the simulator accepts:\n%q", doc)
		case wellFormed[i] && broken && !stricter:
			t.Errorf("xmllint finds well-formed what the simulator calls malformed: %s\n%q", r.Details, doc)
		}
	}
	if taken < len(docs)/20 || taken > len(docs)/2 {
		t.Errorf("%d of %d documents are accepted, want %d to %d", taken, len(docs), len(docs)/20, len(docs)/2)
	}
}

// mutate changes a document in up to two places.
func mutate(random *rand.Rand, doc []byte) []byte {
	pieces := []string{
		"<", ">", "&", ";", "/", "\"", "'", "]]>", "--", "<!--", "-->", "<!-- -->", "<![CDATA[", "<![CDATA[ ]]>", "&amp;",
		"&#65;", "&#x;", "&x;", "&#32;", "&#9;", "<!--\x01-->", "<!--\uFFFE-->", " xmlns:a=''", " xmlns:xml='b'", " xmlns:1='b'",
		"&#xD800;", "&#0;", "&#xFFFE;", "=", " ", "\n", "\r", "\u00a0", ":", "a:", "xmlns", " xmlns:a='b'",
		" a:c='d'", "ż", "\xFF", "\x00", "<a/>",
		"</a>", "<?a?>", "<?xml version='1.0'?>", "<P_2>", "</P_2>", " x='1'", "x='1'", "·", "-", ".", "1",
	}
	doc = bytes.Clone(doc)
	for range 1 + random.IntN(2) {
		at := random.IntN(len(doc))
		if random.IntN(8) == 0 {
			at = random.IntN(60) // the declaration and the tag of the root
		}
		end := at
		if random.IntN(2) == 0 {
			end = min(len(doc), at+1+random.IntN(4))
		}
		piece := ""
		if random.IntN(4) > 0 {
			piece = pieces[random.IntN(len(pieces))]
		}
		doc = bytes.Join([][]byte{doc[:at], []byte(piece), doc[end:]}, nil)
	}
	return doc
}
