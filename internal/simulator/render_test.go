package simulator

import (
	"bytes"
	"image/png"
	"strings"
	"testing"
)

func TestValidate_Document_IsAnsweredWithVersionAndResult(t *testing.T) {
	r := newRig(t)
	ask := func(document, kind string) answer {
		req := r.request("POST", "/invoice/validate", []byte(document))
		req.Header.Set("Content-Type", kind)
		return r.do(req)
	}
	good := faXML(sellerA, "FV/1", today)
	for document, want := range map[string]bool{good: true, strings.Replace(good, "<P_15>123.00</P_15>", "", 1): false} {
		var v struct {
			Valid   bool   `json:"valid"`
			Version string `json:"invoiceVersion"`
			Form    []byte `json:"canonicalForm"`
		}
		r.ok(ask(document, "text/xml; charset=utf-8"), &v)
		if v.Valid != want || v.Version != "v3" || string(v.Form) != document {
			t.Errorf("the answer is %+v, want the document back, the version v3 and valid: %v", v, want)
		}
	}
	if text, asJSON := ask("no XML", "text/xml").status, ask(good, "application/json").status; text != 400 || asJSON != 400 {
		t.Errorf("a text that is no XML got HTTP %d, and an invoice of the type JSON %d, want 400 for both", text, asJSON)
	}
}

func TestGenerate_JSON_BecomesElementsInTheSameOrder(t *testing.T) {
	r := newRig(t)
	a := r.post("/invoice/generate", []byte(`{"invoice":{"Naglowek":{"KodFormularza":"FA","WariantFormularza":3},
		"Fa":{"P_2":"A & <B>","WZ":["1","2"],"P_15":123.40,"X":null,"Y":{"@a":"1 \"2\"","#text":true}}}}`))
	const want = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<Faktura xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/">` +
		`<Naglowek><KodFormularza kodSystemowy="FA (3)" wersjaSchemy="1-0E">FA</KodFormularza>` +
		`<WariantFormularza>3</WariantFormularza></Naglowek>` +
		`<Fa><P_2>A &amp; &lt;B&gt;</P_2><WZ>1</WZ><WZ>2</WZ><P_15>123.40</P_15><Y a="1 &#34;2&#34;">true</Y></Fa></Faktura>`
	if a.status != 200 || string(a.body) != want || a.header.Get("Content-Type") != xmlType {
		t.Errorf("the answer is %d %s, want 200 and the elements in the order of the JSON:\n%s", a.status, a.body, want)
	}
	for _, body := range []string{`{}`, `{"invoice":{"a b":1}}`, `{"invoice":{"a":1,"@b":2}}`, `{"invoice":{"@b":{}}}`, `{"invoice":null}`, `{"invoice":[{},{}]}`,
		`{"invoice":"x"}`, `{"invoice":{"1a":1}}`, `{"invoice":{"x:y":1}}`, `{"invoice":{}} {}`, `{"invoice":{},"more":1}`} {
		if a := r.post("/invoice/generate", []byte(body)); a.status != 400 {
			t.Errorf("%s: the answer is %d %s, want status 400", body, a.status, a.body)
		}
	}
}

func TestGenerate_AttributesOfKodFormularza_AreTheCallersOrTheUsual(t *testing.T) {
	r := newRig(t)
	for body, want := range map[string]string{
		`"FA"`:           `<KodFormularza kodSystemowy="FA (3)" wersjaSchemy="1-0E">FA</KodFormularza>`,
		`{"#text":"FA"}`: `<KodFormularza kodSystemowy="FA (3)" wersjaSchemy="1-0E">FA</KodFormularza>`,
		`{"@kodSystemowy":"FA (2)","#text":"FA"}`: `<KodFormularza kodSystemowy="FA (2)">FA</KodFormularza>`,
	} {
		a := r.post("/invoice/generate", []byte(`{"invoice":{"Naglowek":{"KodFormularza":`+body+`}}}`))
		if a.status != 200 || !strings.Contains(string(a.body), want) {
			t.Errorf("for the JSON %s the answer is %d, %s, want 200 and %s", body, a.status, a.body, want)
		}
	}
}

func TestLinks_Invoice_HasTheLinkKODI(t *testing.T) {
	r := newRig(t)
	hash := bytes.Repeat([]byte{0xFB}, 32)
	for _, date := range []string{"2026-11-23", "2026-11-23T00:00:00Z"} {
		var l struct {
			Invoice struct {
				Link  string `json:"link"`
				Image []byte `json:"image"`
			} `json:"invoice"`
		}
		r.ok(r.post("/invoice/links", m{"nip": sellerA, "issueDate": date, "invoiceHash": hash}), &l)
		if l.Invoice.Link != "https://qr-test.ksef.mf.gov.pl/invoice/5265877635/23-11-2026/"+strings.Repeat("-_v7", 10)+"-_s" {
			t.Errorf("the link is %s, want KOD I of this seller, date and hash", l.Invoice.Link)
		}
		if _, err := png.Decode(bytes.NewReader(l.Invoice.Image)); err != nil {
			t.Error(err)
		}
	}
	if a := r.post("/invoice/links", m{"nip": "1", "issueDate": today, "invoiceHash": hash}); a.status != 400 {
		t.Errorf("a request for links with an invalid NIP got HTTP %d, want 400", a.status)
	}
}

func TestVisualize_Format_IsHTMLOrPDF(t *testing.T) {
	r := newRig(t)
	body := func(format string) m {
		return m{"offline": false, "invoiceData": []byte(faXML(sellerA, "FV/(1)", today)), "outputFormat": format, "outputLanguage": "pl"}
	}
	page := r.post("/invoice/visualize", body("html"))
	contains(t, string(page.body), "FV/(1)")
	document := r.post("/invoice/visualize", body("pdf"))
	receipt := r.post("/invoice/upo/visualize", m{"outputFormat": "pdf", "outputLanguage": "en", "upoData": []byte("<Potwierdzenie/>")})
	for _, a := range []answer{document, receipt} {
		at := bytes.LastIndex(a.body, []byte("startxref\n"))
		if a.header.Get("Content-Type") != pdfType || !bytes.HasPrefix(a.body, []byte("%PDF-")) || at < 0 {
			t.Fatalf("the answer is %d %s, want a PDF", a.status, a.body)
		}
		var offset int
		for _, c := range a.body[at+len("startxref\n"):] {
			if c < '0' || c > '9' {
				break
			}
			offset = offset*10 + int(c-'0')
		}
		if !bytes.HasPrefix(a.body[offset:], []byte("xref\n")) {
			t.Errorf("the startxref of the PDF, %d, does not lead to its table xref", offset)
		}
	}
	for _, b := range []m{body("docx"), {"outputFormat": "pdf"}} {
		if a := r.post("/invoice/visualize", b); a.status != 400 {
			t.Errorf("a request for an unknown format, or without fields, got HTTP %d, want 400", a.status)
		}
	}
	asHTML := m{"outputFormat": "html", "outputLanguage": "en", "upoData": []byte("<Potwierdzenie/>")}
	if a := r.post("/invoice/upo/visualize", asHTML); a.status != 400 {
		t.Errorf("a request for a UPO as HTML got HTTP %d, want 400", a.status)
	}
}
