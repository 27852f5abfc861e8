package httpintake

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/explain"
	"ksefworker/internal/explain/explaintest"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// Each element of swaps is a text of the sample invoice, and a faulty text that replaces it.
var swaps = [][2]string{
	{`encoding="UTF-8"`, `encoding="Windows-1250"`}, {"<Naglowek>", "<!DOCTYPE x><Naglowek>"},
	{"<Naglowek>", "<?x y?><Naglowek>"}, {"<Naglowek>", "<!x><Naglowek>"}, {"<Naglowek>", "<!-- -- --><Naglowek>"},
	{"</Naglowek>", "</naglowek>"}, {"</Naglowek>", "</Naglowek x>"}, {"<Naglowek>", "< Naglowek>"},
	{"<Naglowek>", "<Naglowek x>"}, {"<Naglowek>", "<Naglowek x=1>"}, {"<Naglowek>", `<Naglowek x="<">`},
	{"<Naglowek>", `<Naglowek x="1" x="2">`}, {"<Naglowek>", "<x:y/><Naglowek>"},
	{"<Naglowek>", `<Naglowek x="1">`}, {"<Naglowek>", "<a:b:c/><Naglowek>"}, {"<Naglowek>", "<Naglowek><β/>"},
	{"<Naglowek>", `<Naglowek xmlns:xmlns="x">`}, {"<Naglowek>", "<Naglowek/x>"},
	{"<Naglowek>", `<Naglowek a="1"b="2">`}, {"<Naglowek>", `<Naglowek xmlns:a="">`}, {"<P_2>", "<P_2>]]>"},
	{"<P_2>", "<P_2>&"}, {"<P_2>", "<P_2>&nbsp;"}, {"<P_2>", "<P_2>&#xZ;"}, {"<P_2>", "<P_2>\x01"},
	{"<P_2>", "<P_2>\xb3"}, {"<P_2>", "<P_2>&#1;"}, {"<P_2>", "<P_2><x/>"}, {"<P_2>FV/9</P_2>", ""},
	{"<P_2>FV/9</P_2>", "<P_2/>"}, {"<P_2>FV/9</P_2>", "<P_2>1</P_2><P_2>2</P_2>"},
	{"<P_2>", "<P_2>" + strings.Repeat("x", 300)}, {"<P_2>", "<P_3>1</P_3><P_2>"}, {"<P_2>", "x<P_2>"},
	{"<P_1>2026-11-23", "<P_1>23.11.2026"}, {"<P_1>2026-11-23", "<P_1>2049-11-23"},
	{"<P_1>2026-11-23", "<P_1>1999-11-23"}, {`kodSystemowy="FA (3)"`, `kodSystemowy="FA (2)"`},
	{`kodSystemowy="FA (3)"`, `kodSystemowy="PEF (3)"`}, {`wersjaSchemy="1-0E"`, `wersjaSchemy="1-0"`},
	{"<WariantFormularza>3", "<WariantFormularza>2"},
	{"http://crd.gov.pl/wzor/2025/06/25/13775/", "http://crd.gov.pl/wzor/2023/06/29/12648/"},
	{"<KodWaluty>PLN", "<KodWaluty>XXX"}, {"<RodzajFaktury>VAT", "<RodzajFaktury>X"}, {"<P_15>", "<P_15>1,"},
	{"<P_15>", "<P_15>1 "}, {"<P_15>", "<P_15>0.1234567"}, {"<P_16>2", "<P_16>3"}, {"<P_16>2</P_16>", ""},
	{"<P_23>2</P_23>", ""}, {"<P_23>2</P_23>", "<P_24>2</P_24>"},
	{"<P_23>2</P_23>", "<P_23>2</P_23><P_23>2</P_23>"}, {"<Fa>", "<P_99/><Fa>"},
	{"<Fa>", `<Fa xmlns:a="http://www.w3.org/2001/XMLSchema-instance" a:nil="1">`},
	{"<Fa>", `<Fa xmlns:a="http://www.w3.org/2001/XMLSchema-instance" a:type="x">`}, {"<Fa>", `<x xmlns="y"/><Fa>`},
	{"<DataWytworzeniaFa>", "<DataWytworzeniaFa>x"}, {"<KodKraju>PL", "<KodKraju>XX"},
	{"<AdresL1>", "<AdresL1/><AdresL1>"}, {"<NIP>" + sample.NIP(0), "<NIP>123"},
	{"<NIP>" + sample.NIP(0), "<NIP>1234567890"}, {"<P_17>2", "<P_17>1"},
	{"<P_2>", "<P_2>" + strings.Repeat(" ", 1<<20)},
}

// with returns the sample invoice in which one text (old) is replaced with another (by).
func with(t testing.TB, old, by string) []byte {
	t.Helper()
	doc := xmlOf(0, "FV/9")
	if !bytes.Contains(doc, []byte(old)) {
		t.Fatalf("the sample has no %s", old)
	}
	return bytes.Replace(doc, []byte(old), []byte(by), 1)
}

// faulty returns documents with as many kinds of faults as possible.
func faulty(t testing.TB) [][]byte {
	own := xmlOf(0, "FV/9")
	docs := [][]byte{
		{' '}, []byte("%PDF-1.7"), []byte("PK\x03\x04x"), []byte("\x1f\x8bx"), []byte(`{"Fa":1}`), []byte("faktura"),
		[]byte("<html><body/></html>"), []byte("<invoice/>"), []byte("<Faktura/>"), []byte(`<Faktura xmlns="x"/>`),
		[]byte(`<Faktura xmlns="http://crd.gov.pl/wzor/2021/11/29/11089/"/>`),
		[]byte(`<Faktura xmlns="http://crd.gov.pl/wzor/2026/03/06/14189/"/>`),
		[]byte(`<Faktura xmlns="http://crd.gov.pl/wzor/9/"/>`),
		[]byte(`<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>`),
		append([]byte("\xef\xbb\xbf"), own...), []byte("\xff\xfe<\x00"), own[:len(own)/2], append(own, "<x/>"...), append(own, 'x'),
		append([]byte("\n"), own...), bytes.Repeat([]byte("<a>"), 300),
		[]byte(`<?xml version="1.1"?><a/>`), []byte(`<?xml version="1.0" standalone="x"?><a/>`), []byte(`<?xml x?><a/>`),
		xmlOf(7, "FV/9"), xmlOf(1, "FV/9"), selfBilled(own),
	}
	for _, swap := range swaps {
		docs = append(docs, with(t, swap[0], swap[1]))
	}
	for _, flaw := range sample.Flaws() {
		if flaw.Local() {
			docs = append(docs, sample.Bad(flaw, sample.Options{SellerNIP: sample.NIP(0), Number: "FV/8", IssueDate: "2026-11-23"}))
		}
	}
	return docs
}

// askedWrongly takes some invoices in, and returns elements for the JSON of later calls. Each
// element is refused, or asks for something else than is on record.
func askedWrongly(b *bench) []map[string]any {
	id := b.take(0, "FV/1", "?ref=S")
	b.take(0, "FV/2", "?offline=true")
	b.take(0, "FV/3", "?lane=express")
	sent, gone := b.take(0, "FV/4", ""), b.take(0, "FV/5", "")
	rejected := b.take(0, "FV/6", "?offline=true")
	b.move(ledger.Rejected, ledger.Because(450, "x"), rejected)
	b.move(ledger.Parked, ledger.Because(0, "x"), gone)
	b.move(ledger.Dismissed, ledger.Because(0, "x"), gone)
	b.move(ledger.Sending, nil, sent)
	xml := func(n int) string { return string(xmlOf(0, fmt.Sprint("FV/", n))) }
	other := func(n int) string { return string(otherXML(0, fmt.Sprint("FV/", n))) }
	later := func(n int) string {
		return strings.Replace(xml(n), "<DataWytworzeniaFa>2", "<DataWytworzeniaFa>1", 1)
	}
	return []map[string]any{
		{"xml": other(1)}, {"xml": xml(7), "ref": "S"}, {"xml": xml(1), "ref": "T"}, {"xml": xml(2), "ref": "T"},
		{"xml": later(1)}, {"xml": strings.Replace(xml(1), "<Fa>", "<Fa> ", 1)},
		{"xml": strings.Replace(xml(1), "<SystemInfo>", "<SystemInfo>x", 1)},
		{"xml": strings.Replace(later(1), "<SystemInfo>", "<SystemInfo>x", 1)},
		{"xml": xml(1), "lane": "express"}, {"xml": xml(1), "lane": "auto", "deadline": "2026-11-25"},
		{"xml": xml(2), "deadline": "2026-11-25", "ref": "V"}, {"xml": xml(3), "offline": true}, {"xml": xml(4), "lane": "bulk"},
		{"xml": xml(5), "lane": "express"}, {"xml": xml(6), "lane": "express"}, {"xml": xml(1), "tenant": "two"},
		{"xml": xml(9), "ref": strings.Repeat("x", 200)}, {"xml": xml(9), "ref": " x"}, {"xml": xml(9), "ref": "\u200b"},
		{"xml": xml(9), "ref": 1},
		{"xml": xml(9), "offline": "yes"}, {"xml": xml(9), "foo": 1}, {"xml": xml(9), "lane": "x"}, {"xml": xml(9), "tenant": "x"},
		{"xml": xml(9), "deadline": "x"}, {"xml": xml(9), "deadline": "2020-01-01"},
		{"xml": xml(9), "lane": "express", "offline": true},
		{"xml": xml(9), "corrects": "x"}, {"xml": xml(9), "corrects": "inv-x"}, {"xml": xml(6), "corrects": rejected},
		{"xml": other(1), "corrects": id},
		{"xml": other(9), "corrects": rejected}, {"xml": other(9), "corrects": rejected, "lane": "bulk"},
		{"xml": string(xmlOf(1, "FV/9")), "corrects": id}, {"xml_base64": "x"}, {}, {"xml": "x", "xml_base64": "eA=="},
		{"xml": "Gdy\ufffdia"}, {"ref": "\x01", "xml": "x"}, {"faktura": map[string]any{}},
		{"faktura": map[string]any{"x": 1}}, {"faktura": []int{1}},
		{"faktura": map[string]any{"invoices": 1}}, {"faktura": map[string]any{"Fa": 1}},
		{"faktura": map[string]any{"faktura": 1, "x": 1}},
		{"faktura": map[string]any{"Fa": map[string]any{"away": true}}}, {"faktura": map[string]any{"Fa": map[string]any{}}},
		{"xml_base64": base64.StdEncoding.EncodeToString(faulty(b.t)[0])},
	}
}

// noXML is a generator that never makes XML.
type noXML struct{}

func (noXML) Generate(_ context.Context, tenant string, faktura []byte) ([]byte, error) {
	switch {
	case bytes.Contains(faktura, []byte("away")):
		return nil, intake.GenerationLimited(time.Minute, errors.New("x"))
	}
	return nil, intake.NoGeneration(tenant)
}

// saidIn hands faulty documents in, and returns what the answers say about them in the language l.
// It also returns the rules of all refusals on record.
func saidIn(t *testing.T, l lang) (answers, record []string) {
	b := newBench(t, func(o *Options) {
		o.Clients[0].Tenants = []string{"one", "two"}
		o.Admitter.Check.Schema, o.Admitter.Check.CheckNIPs, o.Admitter.AllowDiscouraged = true, true, true
		o.Admitter.Accounts[0].Corrections = true
		o.Generator, o.Now = noXML{}, o.Admitter.Now
		o.Limits.Body, o.Limits.Document = 64<<20, 4<<20
	})
	note := func(a answer) {
		if len(a.body.Items) == 0 {
			t.Errorf("the answer has no items: %d %s", a.status, a.raw)
		}
		for _, it := range a.body.Items {
			texts := []string{it.Note, it.Warning}
			if it.Terms != nil {
				texts = append(texts, it.Terms.Text)
			}
			if it.Refusal != nil {
				texts = append(texts, it.Refusal.Detail)
				for _, f := range it.Refusal.Faults {
					texts = append(texts, f.Rule, f.Hint)
				}
			}
			for _, text := range texts {
				if text != "" {
					answers = append(answers, text)
				}
			}
		}
	}
	heads := func(media string) []string { return []string{"Content-Type", media, "Accept-Language", string(l)} }
	elements := askedWrongly(b)
	for _, doc := range faulty(t) {
		if len(doc) == 0 {
			continue // an empty body is refused as a call, not as a document
		}
		note(b.call("POST", "/v1/invoices", doc, heads("application/xml")...))
	}
	for _, element := range elements {
		note(b.call("POST", "/v1/invoices", jsonOf(t, element), heads("application/json")...))
	}
	note(b.call("POST", "/v1/invoices", with(t, "<P_7>", "<P_7>\u0080"), heads("application/xml")...))
	note(b.call("POST", "/v1/invoices", zipOf(t, "a.pdf", "x", "b.json", "{}", ".c.xml", "x", "../d.xml", "x", "/e.xml", "x"),
		heads("application/zip")...))
	note(b.call("POST", "/v1/invoices", zipOf(t), heads("application/zip")...))
	note(b.call("POST", "/v1/invoices", []byte("no archive"), heads("application/zip")...))
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	for _, head := range []textproto.MIMEHeader{
		{"Content-Disposition": {`form-data; name="x"`}},
		{"Content-Disposition": {`form-data; name="x"; filename="x.xml"`}, "Ref": {"a", "b"}},
	} {
		_, err := parts.CreatePart(head)
		b.must(err)
	}
	b.must(parts.Close())
	note(b.call("POST", "/v1/invoices", form.Bytes(), heads(parts.FormDataContentType())...))
	b.must(b.o.Ledger.Hold(t.Context(), "one", ledger.Hold{Kind: ledger.Draining, By: "jan"}))
	note(b.post(xmlOf(0, "FV/10"), "", "Accept-Language", string(l)))

	refusals, err := b.o.Ledger.Refusals(t.Context(), time.Time{}, "")
	b.must(err)
	for i := range refusals {
		for _, f := range refusals[i].Faults {
			record = append(record, f.Rule)
		}
	}
	return answers, record
}

// repeated are words of the documents and names of tenants. An answer repeats them in any language.
var repeated = []string{"html", "invoice", "invoices", "one", "two"}

func inPolish(t *testing.T, where, pl, en string) {
	t.Helper()
	left := slices.DeleteFunc(explaintest.English(en, pl), func(word string) bool { return slices.Contains(repeated, word) })
	if len(left) > 0 || pl == en {
		t.Errorf("%s: the Polish text %q has the English words %q; the English text is %q", where, pl, left, en)
	}
}

// A caller that asks for Polish gets all of the answer in Polish, hints, notes and terms too.
func TestSubmit_PolishCaller_GetsNoEnglishAboutAnyDocument(t *testing.T) {
	pl, _ := saidIn(t, polish)
	en, record := saidIn(t, english)
	if len(pl) < 400 || len(pl) != len(en) || len(record) < 95 {
		t.Fatalf("got %d texts in Polish, %d in English and %d rules on record; want 400 or more, equally many, and 95 or more", len(pl), len(en), len(record))
	}
	for i := range pl {
		inPolish(t, "answer", pl[i], en[i])
	}
	for _, rule := range record {
		inPolish(t, "record", explain.Defect{Rule: rule}.Polish(), rule)
	}
}
