package invoice_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"ksefworker/internal/invoice"
	"ksefworker/internal/invoice/schema/schematest"
	"ksefworker/internal/sample"
)

// stricter lists the rules by which Parse refuses well-formed XML, each by a part of its text.
// xmllint must refuse every other document that Parse refuses.
var stricter = []string{
	"DOCTYPE", "processing instruction", "discouraged", "byte order mark", "no encoding but UTF-8", "XML 1.0", "Latin letters",
	"deeper than 256", "more than 64", "must be Faktura", "must have kodSystemowy", "must have wersjaSchemy", "must be 3",
	"must be given", "must not be empty", "must contain text", "must have at most 256", "must be a valid date",
	"must be between", "must be a NIP",
}

func TestParse_DocumentsThatEncodingXMLRefuses_AreRefused(t *testing.T) {
	for _, c := range refusals(t) {
		err := encodingXML([]byte(c.doc))
		if err == nil || !c.xml || strings.Contains(c.rule, "byte order") ||
			strings.Contains(err.Error(), "unsupported version") || strings.Contains(err.Error(), "CharsetReader") {
			continue
		}
		t.Errorf("%s: encoding/xml refuses what the table calls well-formed: %v", c.why, err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		agree(t, mutate(random, []byte(small)))
	}
}

func TestParse_WellFormedness_AgreesWithXmllint(t *testing.T) {
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint is not on PATH")
	}
	table := refusals(t)
	docs := make([][]byte, 0, len(table)+300)
	for _, c := range table {
		docs = append(docs, []byte(c.doc))
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		docs = append(docs, mutate(random, []byte(small)))
	}
	accepts := schematest.WellFormed(t, docs)
	for i, doc := range docs {
		_, err := invoice.Parse(doc)
		switch {
		case err == nil && !accepts[i]:
			t.Errorf("Parse accepts what xmllint refuses:\n%q", doc)
		case err != nil && accepts[i] && !isStricter(err):
			t.Errorf("Parse refuses what xmllint accepts: %v\n%q", err, doc)
		}
		if i < len(table) && accepts[i] != table[i].xml {
			t.Errorf("%s: xmllint accepts it: %v, the table says %v", table[i].why, accepts[i], table[i].xml)
		}
	}
}

func isStricter(err error) bool {
	for _, rule := range stricter {
		if strings.Contains(err.Error(), rule) {
			return true
		}
	}
	return false
}

// mutate changes the document in up to three places, as in a broken file. Bytes are lost or
// repeated, or a piece of markup or text is inserted or replaces bytes.
func mutate(random *rand.Rand, doc []byte) []byte {
	pieces := []string{
		"<", ">", "&", ";", "/", "\"", "'", "]]>", "--", "<!--", "-->", "<![CDATA[", "&amp;", "&#65;", "&#x;", "&x;", "=", " ", "\n",
		":", "a:", "xmlns", "xmlns:a='b'", "ż", "\xFF", "\x00", "\u0099", "\uFFFE", "<a/>", "</a>", "<?a?>",
		"P_2", "<P_2>", "</P_2>", "x='1'", "é", "×", "·", "-", ".", "1",
	}
	doc = bytes.Clone(doc)
	for range 1 + random.IntN(3) {
		at := random.IntN(len(doc))
		switch random.IntN(4) {
		case 0:
			piece := pieces[random.IntN(len(pieces))]
			doc = append(doc[:at:at], append([]byte(piece), doc[at:]...)...)
		case 1:
			piece := pieces[random.IntN(len(pieces))]
			doc = append(doc[:at:at], append([]byte(piece), doc[min(len(doc), at+1+random.IntN(8)):]...)...)
		case 2:
			doc = append(doc[:at:at], doc[min(len(doc), at+1+random.IntN(8)):]...)
		case 3:
			to := min(len(doc), at+random.IntN(20))
			doc = append(doc[:to:to], doc[at:]...)
		}
		if len(doc) == 0 {
			return doc
		}
	}
	return doc
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(fa2(f)))
	for _, kind := range []string{"VAT", "KOR", "ZAL"} {
		f.Add(sample.Invoice(sample.Options{Kind: kind, Lines: 1, Attachment: true}))
	}
	for _, c := range refusals(f) {
		f.Add([]byte(c.doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) { agree(t, doc) })
}

// agree compares Parse with encoding/xml: Parse must refuse whatever encoding/xml refuses, and both
// must read the same values.
func agree(t *testing.T, doc []byte) {
	t.Helper()
	h, err := invoice.Parse(doc)
	if err != nil {
		for _, f := range invoice.FieldErrors(err) {
			if f.Line < 1 || f.Column < 1 || f.Offset > int64(len(doc)) || f.Field == "" || f.Rule == "" {
				t.Fatalf("the fault %+v lacks its place, field or rule; the document is %q", f, doc)
			}
		}
		if len(invoice.FieldErrors(err)) == 0 {
			t.Fatalf("%v is not a FieldError", err)
		}
		return
	}
	if err := encodingXML(doc); err != nil {
		t.Fatalf("Parse accepts what encoding/xml refuses: %v\n%q", err, doc)
	}
	want := fieldsByEncodingXML(doc)
	got := map[string]string{
		"Podmiot1/DaneIdentyfikacyjne/NIP": h.SellerNIP, "Podmiot2/DaneIdentyfikacyjne/NIP": h.BuyerNIP,
		"Fa/P_1": h.IssueDate, "Fa/P_2": h.Number, "Fa/RodzajFaktury": h.Kind,
	}
	for path, value := range got {
		if w := strings.Join(strings.FieldsFunc(want[path], isXMLSpace), " "); value != w && len(value) < 60 {
			t.Fatalf("%s = %q, encoding/xml reads %q in %q", path, value, w, doc)
		}
	}
	if _, ok := want["Zalacznik"]; ok != h.Attachment {
		t.Fatalf("Attachment = %v, and encoding/xml reads the opposite, in %q", h.Attachment, doc)
	}
}

func isXMLSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }

func encodingXML(doc []byte) error {
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// fieldsByEncodingXML reads the values of the form's elements by their path below the root.
func fieldsByEncodingXML(doc []byte) map[string]string {
	fields := map[string]string{}
	d := xml.NewDecoder(bytes.NewReader(doc))
	var path []string
	space := ""
	for {
		t, err := d.Token()
		if err != nil {
			return fields
		}
		switch t := t.(type) {
		case xml.StartElement:
			if len(path) == 0 {
				space = t.Name.Space
			}
			name := t.Name.Local
			if t.Name.Space != space {
				name = "another"
			}
			path = append(path, name)
			fields[strings.Join(path[1:], "/")] += ""
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if len(path) > 0 {
				fields[strings.Join(path[1:], "/")] += string(t)
			}
		}
	}
}
