package invoice_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"ksefworker/internal/invoice"
)

// refusal is a document that Parse must refuse. xml says that the document is nevertheless
// well-formed XML, which the differential test checks with xmllint. The table of refusals finds a
// rule that is too lenient, and a document that is refused for the wrong reason.
type refusal struct {
	why, doc     string
	field, rule  string // rule is a part of the text
	line, column int
	xml          bool
}

func refusals(t testing.TB) []refusal {
	inP2 := func(content string) string { return with(t, ">FV/1<", ">"+content+"<") }
	lt := func(old, by string) string { return with(t, old, by) }
	declared := func(declaration string) string { return with(t, `<?xml version="1.0" encoding="UTF-8"?>`, declaration) }
	body := small[strings.Index(small, "\n")+1:]
	all := []refusal{
		// Not an XML document.
		{"no bytes", "", "document", "must not be empty", 1, 1, false},
		{"white space only", " \n ", "document", "must not end", 2, 2, false},
		{"a PDF", "%PDF-1.7\n", "document", "must be an XML document", 1, 1, false},
		{"JSON", `{"P_2":"FV/1"}`, "document", "must be an XML document", 1, 1, false},
		{"declaration only", "<?xml version=\"1.0\"?>\n", "document", "must not end", 2, 1, false},
		{"a comment only", "<!-- x -->", "document", "must not end", 1, 11, false},

		// Encoding.
		{"UTF-8 byte order mark", "\xEF\xBB\xBF" + small, "document", "byte order mark", 1, 1, true},
		{"UTF-16 little endian", "\xFF\xFE<\x00F\x00", "document", "must be in UTF-8", 1, 1, false},
		{"UTF-16 big endian without mark", "\x00<\x00F", "document", "must be in UTF-8", 1, 1, false},
		{"another encoding named",
			declared(`<?xml version="1.0" encoding="ISO-8859-2"?>`), "document", "no encoding but UTF-8", 1, 31, true},
		{"Windows-1250 bytes", inP2("Za\xBF\xF3\xB3\xE6"), "P_2", "valid UTF-8", 12, 10, false},
		{"an overlong slash", inP2("\xC0\xAF"), "P_2", "valid UTF-8", 12, 8, false},
		{"half a character at the end of a value", inP2("Ż\xC5"), "P_2", "valid UTF-8", 12, 9, false},
		{"a surrogate in UTF-8", inP2("\xED\xA0\x80"), "P_2", "valid UTF-8", 12, 8, false},
		{"bad UTF-8 in an attribute", lt("<Fa>", "<Fa a='\xFF'>"), "Fa", "valid UTF-8", 9, 9, false},
		{"bad UTF-8 in a comment", lt("<Fa>", "<Fa><!-- \xFF -->"), "Fa", "valid UTF-8", 9, 11, false},
		{"bad UTF-8 in CDATA", inP2("<![CDATA[\xFF]]>"), "P_2", "valid UTF-8", 12, 17, false},
		{"bad UTF-8 in a name", lt("<P_15>", "<P\xFF>"), "Fa", "valid UTF-8", 13, 5, false},

		// Declaration.
		{"XML 1.1", declared(`<?xml version="1.1"?>`), "document", "must be XML 1.0", 1, 16, true},
		{"no version", declared(`<?xml encoding="UTF-8"?>`), "document", "declaration of the form", 1, 7, false},
		{"the parts in the wrong order",
			declared(`<?xml version="1.0" standalone="yes" encoding="UTF-8"?>`), "document", "declaration of the form", 1, 38, false},
		{"standalone neither yes nor no",
			declared(`<?xml version="1.0" standalone="maybe"?>`), "document", "standalone as yes or no", 1, 33, false},
		{"an unknown part", declared(`<?xml version="1.0" charset="UTF-8"?>`), "document", "declaration of the form", 1, 21, false},
		{"no space between the parts",
			declared(`<?xml version="1.0"encoding="UTF-8"?>`), "document", "declaration of the form", 1, 20, false},
		{"a value without quotes", declared(`<?xml version=1.0?>`), "document", "declaration of the form", 1, 15, false},
		{"white space before the declaration", " " + small, "document", "at the very beginning", 1, 2, false},
		{"the declaration twice",
			declared(`<?xml version="1.0"?><?xml version="1.0"?>`), "document", "at the very beginning", 1, 22, false},
		{"a declaration that does not end", `<?xml version="1.0"`, "document", "must not end", 1, 20, false},

		// Refused by KSeF in every document.
		{"a DOCTYPE", declared("<!DOCTYPE Faktura>"), "document", "DOCTYPE", 1, 1, true},
		{"entities that multiply",
			declared("<!DOCTYPE x [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]>"), "document", "DOCTYPE", 1, 1, true},
		{"an entity from a file",
			declared("<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>"), "document", "DOCTYPE", 1, 1, true},
		{"a DOCTYPE after a comment", declared("<!-- x -->\n<!DOCTYPE Faktura>"), "document", "DOCTYPE", 2, 1, true},
		{"a web page with a DOCTYPE", "<!DOCTYPE html>\n<html><body></body></html>", "document", "DOCTYPE", 1, 1, true},
		{"a web page with a small DOCTYPE", "\n<!doctype html>\n<html/>", "document", "DOCTYPE", 2, 1, false},
		{"a DOCTYPE inside the root", lt("<Fa>", "<!DOCTYPE Fa><Fa>"), "Faktura", "DOCTYPE", 9, 2, false},
		{"a processing instruction before the root",
			declared("<?xml-stylesheet href='a'?>"), "document", "processing instruction", 1, 1, true},
		{"a processing instruction inside", lt("<Fa>", "<Fa><?php x ?>"), "Fa", "processing instruction", 9, 6, true},
		{"a processing instruction after the root", small + "<?a?>", "document", "processing instruction", 17, 1, true},
		{"U+007F", inP2("a\x7F"), "P_2", "discouraged", 12, 9, true},
		{"U+0084", inP2("ż\u0084"), "P_2", "discouraged", 12, 9, true},
		{"U+0086", inP2("\u0086"), "P_2", "discouraged", 12, 8, true},
		{"U+009F", inP2("\u009F"), "P_2", "discouraged", 12, 8, true},
		{"U+FDD0", inP2("\uFDD0"), "P_2", "discouraged", 12, 8, true},
		{"U+FDEF", inP2("\uFDEF"), "P_2", "discouraged", 12, 8, true},
		{"U+1FFFE", inP2("\U0001FFFE"), "P_2", "discouraged", 12, 8, true},
		{"U+10FFFF", inP2("\U0010FFFF"), "P_2", "discouraged", 12, 8, true},
		{"U+0080 by decimal reference", inP2("&#128;"), "P_2", "discouraged", 12, 8, true},
		{"U+FDD1 by hexadecimal reference", inP2("&#xfdd1;"), "P_2", "discouraged", 12, 8, true},
		{"U+2FFFF by reference in an attribute", lt("<Fa>", "<Fa a='&#x2FFFF;'>"), "Fa", "discouraged", 9, 9, true},
		{"U+0099 in CDATA", inP2("<![CDATA[\u0099]]>"), "P_2", "discouraged", 12, 17, true},
		{"U+0099 in a comment", lt("<Fa>", "<Fa><!--\u0099-->"), "Fa", "discouraged", 9, 10, true},
		{"U+0099 in an attribute", lt("<Fa>", "<Fa a='\u0099'>"), "Fa", "discouraged", 9, 9, true},
		{"U+0099 in a foreign element", lt("<P_15>", "<X>\u0099</X><P_15>"), "X", "discouraged", 13, 6, true},

		// Characters that XML forbids.
		{"NUL", inP2("a\x00"), "P_2", "XML 1.0 forbids", 12, 9, false},
		{"a control character", inP2("\x1B"), "P_2", "XML 1.0 forbids", 12, 8, false},
		{"U+FFFE", inP2("\uFFFE"), "P_2", "XML 1.0 forbids", 12, 8, false},
		{"U+FFFF", inP2("\uFFFF"), "P_2", "XML 1.0 forbids", 12, 8, false},
		{"NUL by reference", inP2("&#0;"), "P_2", "XML 1.0 forbids", 12, 8, false},
		{"a surrogate by reference", inP2("&#xD800;"), "P_2", "XML 1.0 forbids", 12, 8, false},
		{"beyond Unicode by reference", inP2("&#x110000;"), "P_2", "XML 1.0 forbids", 12, 8, false},
		{"far beyond Unicode by reference", inP2("&#99999999999999999999;"), "P_2", "XML 1.0 forbids", 12, 8, false},
		{"a control character outside the root", small + "\x01", "document", "text outside", 17, 1, false},

		// References.
		{"an entity of HTML", inP2("&nbsp;"), "P_2", "entity that XML does not define", 12, 8, false},
		{"an ampersand", inP2("A & B"), "P_2", "write & as &amp;", 12, 10, false},
		{"an ampersand before a tag", inP2("A&"), "P_2", "write & as &amp;", 12, 9, false},
		{"&; ", inP2("&;"), "P_2", "write & as &amp;", 12, 8, false},
		{"a reference without digits", inP2("&#;"), "P_2", "character reference", 12, 8, false},
		{"a reference with X", inP2("&#X41;"), "P_2", "character reference", 12, 8, false},
		{"a reference with a sign", inP2("&#-65;"), "P_2", "character reference", 12, 8, false},
		{"hexadecimal digits in a decimal reference", inP2("&#4A;"), "P_2", "character reference", 12, 8, false},
		{"an entity of HTML in an attribute", lt("<Fa>", "<Fa a='&oacute;'>"), "Fa", "entity that XML does not define", 9, 9, false},

		// Tags.
		{"truncated in text", small[:strings.Index(small, "FV/1")+2], "P_2", "must not end", 12, 10, false},
		{"truncated in a start tag", small[:strings.Index(small, "<P_15")+3], "Fa", "must not end", 13, 6, false},
		{"truncated in an end tag", small[:strings.Index(small, "</P_2>")+4], "P_2", "must not end", 12, 16, false},
		{"truncated between attributes",
			small[:strings.Index(small, " wersjaSchemy")+1], "KodFormularza", "must not end", 4, 40, false},
		{"truncated after <", small[:strings.Index(small, "<P_15")+1], "Fa", "must not end", 13, 4, false},
		{"truncated in a reference", small[:strings.Index(small, "FV/1")] + "&am", "P_2", "must not end", 12, 11, false},
		{"truncated in CDATA", small[:strings.Index(small, "FV/1")] + "<![CDATA[x]]", "P_2", "must not end", 12, 20, false},
		{"truncated in the opening of CDATA", small[:strings.Index(small, "FV/1")] + "<![CDA", "P_2", "must not end", 12, 14, false},
		{"truncated in a comment", small[:strings.Index(small, "FV/1")] + "<!-- x -", "P_2", "must not end", 12, 16, false},
		{"truncated before the last tag", small[:strings.Index(small, "</Faktura>")], "Faktura", "must not end", 16, 1, false},
		{"tags that cross", lt("</P_2>", "</P_1>"), "P_2", "closed by </P_2>", 12, 12, false},
		{"an end tag that goes on", lt("</P_2>", "</P_22>"), "P_2", "closed by </P_2>", 12, 12, false},
		{"an end tag with an attribute", lt("</P_2>", "</P_2 a='1'>"), "P_2", "contains only a name", 12, 18, false},
		{"an end tag outside", small + "</a>", "document", "one root", 17, 1, false},
		{"two roots", small + "<a/>", "document", "one root", 17, 1, false},
		{"text after the root", small + "x", "document", "text outside", 17, 1, false},
		{"text before the root", "x" + body, "document", "must be an XML document", 1, 1, false},
		{"a reference after the root", small + "&#32;", "document", "text outside", 17, 1, false},
		{"CDATA after the root", small + "<![CDATA[]]>", "document", "only a comment or CDATA", 17, 1, false},
		{"an attribute twice", lt("<Fa>", `<Fa a="1" b="2" a="3">`), "Fa", "same attribute twice", 9, 18, false},
		{"an attribute twice by namespace",
			lt("<Fa>", `<Fa x:a="1" y:a="3" xmlns:x="u" xmlns:y="u">`), "Fa", "same attribute twice", 9, 16, false},
		{"a declaration twice", lt("<Fa>", `<Fa xmlns:x="u" xmlns:x="v">`), "Fa", "same attribute twice", 9, 24, false},
		{"the default declaration twice", lt("<Fa>", `<Fa xmlns="u" xmlns="u">`), "Fa", "same attribute twice", 9, 16, false},
		{"an undeclared prefix", lt("<P_15>", "<x:A/><P_15>"), "x:A", "declare the namespace prefix", 13, 4, false},
		{"an undeclared prefix of an attribute", lt("<Fa>", "<Fa xsi:type='a'>"), "Fa", "declare the namespace prefix", 9, 6, false},
		{"a prefix out of scope", lt("<P_15>", "<A xmlns:x='u'/><x:A/><P_15>"), "x:A", "declare the namespace prefix", 13, 20, false},
		{"a prefix for an empty namespace", lt("<Fa>", "<Fa xmlns:x=''>"), "Fa", "prefix with an empty namespace", 9, 12, false},
		{"the prefix xmlns declared", lt("<Fa>", "<Fa xmlns:xmlns='u'>"), "Fa", "prefix xmlns", 9, 12, false},
		{"the prefix xmlns used", lt("<P_15>", "<xmlns:a/><P_15>"), "xmlns:a", "declare the namespace prefix", 13, 4, false},
		{"the prefix xml for another namespace", lt("<Fa>", "<Fa xmlns:xml='u'>"), "Fa", "another prefix", 9, 12, false},
		{"another prefix for xml",
			lt("<Fa>", "<Fa xmlns:x='http://www.w3.org/XML/1998/namespace'>"), "Fa", "another prefix", 9, 12, false},
		{"two colons", lt("<P_15>", "<a:b:c/><P_15>"), "Fa", "at most one colon", 13, 7, false},
		{"a colon in front", lt("<P_15>", "<:a/><P_15>"), "Fa", "the name of an element is expected", 13, 4, false},
		{"a colon at the end", lt("<P_15>", "<a: /><P_15>"), "Fa", "the name of an element is expected", 13, 6, false},
		{"a name that begins with a digit", lt("<P_15>", "<1a/><P_15>"), "Fa", "the name of an element is expected", 13, 4, false},
		{"a space after <", lt("<P_15>", "< a/><P_15>"), "Fa", "the name of an element is expected", 13, 4, false},
		{"< in text", inP2("1<2"), "P_2", "the name of an element is expected", 12, 10, false},
		{"a name in Greek letters", lt("<P_15>", "<αβ/><P_15>"), "Fa", "Latin letters", 13, 4, true},
		{"a sign of multiplication in a name", lt("<P_15>", "<a×/><P_15>"), "Fa", "Latin letters", 13, 5, false},
		{"no space between attributes", lt("<Fa>", `<Fa a="1"b="2">`), "Fa", "white space before an attribute", 9, 11, false},
		{"an attribute without value", lt("<Fa>", `<Fa a>`), "Fa", "= and a value", 9, 7, false},
		{"an attribute without quotes", lt("<Fa>", `<Fa a=1>`), "Fa", "in quotes", 9, 8, false},
		{"< in an attribute", lt("<Fa>", `<Fa a="<">`), "Fa", "must not contain <", 9, 9, false},
		{"a control character in an attribute", lt("<Fa>", "<Fa a='\x01'>"), "Fa", "XML 1.0 forbids", 9, 9, false},
		{"a slash alone in a tag", lt("<Fa>", `<Fa / >`), "Fa", "followed by >", 9, 6, false},
		{"]]> in text", inP2("a]]>b"), "P_2", "]]>", 12, 9, false},
		{"]]]> in text", inP2("a]]]>b"), "P_2", "]]>", 12, 10, false},
		{"-- in a comment", lt("<Fa>", "<Fa><!-- a -- b -->"), "Fa", "must not contain --", 9, 13, false},
		{"---> at the end of a comment", lt("<Fa>", "<Fa><!-- a --->"), "Fa", "must not contain --", 9, 13, false},
		{"<! that begins no comment", lt("<Fa>", "<Fa><!ELEMENT a>"), "Fa", "only a comment or CDATA", 9, 6, false},
		{"CDATA in small letters", inP2("<![cdata[a]]>"), "P_2", "only a comment or CDATA", 12, 8, false},
		{"elements 257 deep",
			lt("<P_15>", strings.Repeat("<a>", 255)+strings.Repeat("</a>", 255)+"<P_15>"), "a", "deeper than 256", 13, 3 + 3*254, true},
		{"65 attributes", lt("<Fa>", "<Fa"+manyAttributes(65)+">"), "Fa", "more than 64 attributes", 9, 0, true},

		// Other documents.
		{"a web page", "<html><body/></html>", "html", "must be Faktura of FA(3)", 1, 1, true},
		{"another root in the right namespace",
			strings.ReplaceAll(small, "Faktura", "Rachunek"), "Rachunek", "must be Faktura of FA(3)", 2, 1, true},
		{"no namespace",
			lt(` xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/"`, ""), "Faktura", "must be Faktura of FA(3)", 2, 1, true},
		{"FA(1)", lt("2025/06/25/13775", "2021/11/29/11089"), "Faktura", "must be Faktura of FA(3)", 2, 1, true},
		{"the namespace without its last slash", lt("13775/", "13775"), "Faktura", "must be Faktura of FA(3)", 2, 1, true},
		{"FA (2) in the namespace of FA(3)", lt("FA (3)", "FA (2)"), "KodFormularza", `kodSystemowy="FA (3)"`, 4, 3, true},
		{"the form with a tab by reference", lt("FA (3)", "FA&#9;(3)"), "KodFormularza", `kodSystemowy="FA (3)"`, 4, 3, true},
		{"the form with a carriage return by reference",
			lt("FA (3)", "FA&#13;\n(3)"), "KodFormularza", `kodSystemowy="FA (3)"`, 4, 3, true},
		{"the form with two blanks", lt("FA (3)", "FA  (3)"), "KodFormularza", `kodSystemowy="FA (3)"`, 4, 3, true},
		{"FA(3) without the space", lt("FA (3)", "FA(3)"), "KodFormularza", `kodSystemowy="FA (3)"`, 4, 3, true},
		{"another version of the schema", lt("1-0E", "1-1E"), "KodFormularza", `wersjaSchemy="1-0E"`, 4, 3, true},
		{"another variant", lt(">3<", ">2<"), "WariantFormularza", "must be 3", 5, 3, true},
		{"the variant minus 3", lt(">3<", ">-3<"), "WariantFormularza", "must be 3", 5, 3, true},
		{"the variant 30", lt(">3<", ">30<"), "WariantFormularza", "must be 3", 5, 3, true},
		{"a variant of zeros", lt(">3<", ">00<"), "WariantFormularza", "must be 3", 5, 3, true},
		{"no variant", lt("<WariantFormularza>3</WariantFormularza>", ""), "WariantFormularza", "must be given", 3, 2, true},
		{"no form",
			lt(`<KodFormularza kodSystemowy="FA (3)" wersjaSchemy="1-0E">FA</KodFormularza>`, ""),
			"KodFormularza", "must be given", 3, 2, true},

		// Fields.
		{"no P_1", lt("<P_1>2026-11-23</P_1>", ""), "P_1", "must be given", 9, 2, true},
		{"no P_2", lt("<P_2>FV/1</P_2>", ""), "P_2", "must be given", 9, 2, true},
		{"no RodzajFaktury", lt("<RodzajFaktury>VAT</RodzajFaktury>", ""), "RodzajFaktury", "must be given", 9, 2, true},
		{"no seller's NIP", lt("<NIP>5265877635</NIP>", ""), "Podmiot1/NIP", "must be given", 7, 2, true},
		{"an empty P_2", inP2(""), "P_2", "must not be empty", 12, 3, true},
		{"a P_2 of white space", inP2(" \n&#32;"), "P_2", "must not be empty", 12, 3, true},
		{"a P_2 of the wrong namespace only", lt("<P_2>", `<P_2 xmlns="urn:x">`), "P_2", "must be given", 9, 2, true},
		{"P_2 twice", lt("<P_2>", "<P_2>A</P_2><P_2>"), "P_2", "must be given once", 12, 15, true},
		{"Fa twice", lt("</Fa>", "</Fa><Fa><P_2>X</P_2></Fa>"), "Fa", "must be given once", 15, 7, true},
		{"an element in P_2", inP2("F<b>V</b>"), "P_2", "must contain text", 12, 9, true},
		{"257 characters of P_2", inP2(strings.Repeat("ż", 257)), "P_2", "at most 256", 12, 3, true},
		{"a kind of 257 characters", lt(">VAT<", ">"+strings.Repeat("V", 257)+"<"), "RodzajFaktury", "at most 256", 14, 3, true},
		{"the 31st of November", lt("2026-11-23", "2026-11-31"), "P_1", "must be a valid date", 11, 3, true},
		{"29 February of a common year", lt("2026-11-23", "2026-02-29"), "P_1", "must be a valid date", 11, 3, true},
		{"a Polish date", lt("2026-11-23", "23.11.2026"), "P_1", "must be a valid date", 11, 3, true},
		{"a date with a time zone", lt("2026-11-23", "2026-11-23Z"), "P_1", "must be a valid date", 11, 3, true},
		{"a date with a time", lt("2026-11-23", "2026-11-23T00:00:00"), "P_1", "must be a valid date", 11, 3, true},
		{"the year 26", lt("2026-11-23", "0026-11-23"), "P_1", "must be between", 11, 3, true},
		{"a NIP with hyphens", lt("5265877635", "526-587-76-35"), "Podmiot1/NIP", "NIP of ten digits", 7, 33, true},
		{"a NIP with a space around it", lt("5265877635", " 5265877635"), "Podmiot1/NIP", "NIP of ten digits", 7, 33, true},
		{"a NIP with a country code", lt("5265877635", "PL5265877635"), "Podmiot1/NIP", "NIP of ten digits", 7, 33, true},
	}
	return all
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` a%d="1"`, i)
	}
	return b.String()
}

func TestParse_Refused_NamesFieldRuleAndPosition(t *testing.T) {
	for _, c := range refusals(t) {
		t.Run(c.why, func(t *testing.T) {
			_, err := invoice.Parse([]byte(c.doc))
			var f *invoice.FieldError
			if !errors.As(err, &f) {
				t.Fatalf("Parse = %v, want a FieldError", err)
			}
			if f.Field != c.field || !strings.Contains(f.Rule, c.rule) {
				t.Errorf("got %v\nwant field %s, rule %q", f, c.field, c.rule)
			}
			if f.Line != c.line || c.column != 0 && f.Column != c.column {
				t.Errorf("position is %d:%d, want %d:%d (%v)", f.Line, f.Column, c.line, c.column, f)
			}
			if len(invoice.FieldErrors(err)) != 1 {
				t.Errorf("one fault is reported as several: %v", err)
			}
			if f.Offset < 0 || f.Offset > int64(len(c.doc)) {
				t.Errorf("the offset %d is outside of the document, which has %d bytes", f.Offset, len(c.doc))
			}
		})
	}
}

func TestParse_TooLarge_IsRefusedBeforeReading(t *testing.T) {
	doc := make([]byte, invoice.MaxSize+1)
	h, err := invoice.Parse(doc)
	var f *invoice.FieldError
	if !errors.As(err, &f) || f.Field != invoice.DocumentField || f.Value != "3000001 bytes" {
		t.Fatalf("Parse = %v, want a fault of the document with its size", err)
	}
	if h.Size != invoice.MaxSize+1 {
		t.Errorf("the header has the size %d, want MaxSize and one byte", h.Size)
	}
	if _, err := invoice.Parse(doc[1:]); !errors.As(err, &f) || strings.Contains(f.Rule, "bytes") {
		t.Errorf("a document of exactly MaxSize is refused for its size: %v", err)
	}
}

func TestParse_FA1_ErrorNamesFoundAndRequiredForm(t *testing.T) {
	_, err := invoice.Parse([]byte(with(t, "2025/06/25/13775", "2021/11/29/11089")))
	for _, part := range []string{"{http://crd.gov.pl/wzor/2021/11/29/11089/}Faktura", "FA(3)", "this is FA(1)", "line 2, column 1"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}

func TestParse_DocumentsAtTheLimits_AreAccepted(t *testing.T) {
	for why, doc := range map[string]string{
		"256 deep":      with(t, "<P_15>", strings.Repeat("<a>", 254)+strings.Repeat("</a>", 254)+"<P_15>"),
		"64 attributes": with(t, "<Fa>", "<Fa"+manyAttributes(64)+">"),
		"zeros before":  with(t, ">FV/1<", ">&#x"+strings.Repeat("0", 50)+"41;<"),
	} {
		if _, err := invoice.Parse([]byte(doc)); err != nil {
			t.Errorf("%s: Parse = %v, want no error", why, err)
		}
	}
}
