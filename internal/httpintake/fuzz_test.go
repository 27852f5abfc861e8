package httpintake

import (
	"bytes"
	"mime"
	"net/http/httptest"
	"testing"
	"time"

	"ksefworker/internal/intake"
)

// fuzzed reads a body without a ledger behind it.
func fuzzed(t *testing.T, media string, raw []byte) ([]intake.Item, error) {
	br := &bodyReader{&core{o: Options{Now: func() time.Time { return monday }, Limits: Limits{Document: 10_000, Documents: 50}}}}
	c := &call{
		r:      httptest.NewRequest("POST", "/v1/invoices", nil),
		client: &client{Client: Client{Tenants: []string{"one"}}, admitter: &intake.Admitter{}},
	}
	of := &asked{file: "-"}
	var err error
	if of.media, of.params, err = mime.ParseMediaType(media); err != nil {
		t.Skip("not a media type, so no reader is chosen by it")
	}
	b := &body{at: bytes.NewReader(raw), size: int64(len(raw)), mem: raw}
	src := formats[of.media](br, c, b, of)
	var items []intake.Item
	for it := range br.limited(c.ctx(), src) {
		items = append(items, it)
	}
	if len(items) > 50 {
		t.Fatalf("%d items", len(items))
	}
	for _, it := range items {
		if it.Data != nil && it.Err != nil {
			t.Fatalf("an item with a document and an error: %+v", it)
		}
		if int64(len(it.Data)) > 10_001 && of.media != "application/json" {
			t.Fatalf("a document of %d bytes", len(it.Data))
		}
	}
	return items, src.fault
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"invoices":[{"xml":"<a/>","ref":"x"}]}`,
		`{"invoices":[{"xml_base64":"PGEvPg=="},{"faktura":{}},null,1,[]]}`,
		`{"invoices":[]}`, `{"invoices":[{"xml":"\ud800"}]`, `[`,
		`{"invoices":[{"deadline":"2049-01-01","lane":"bulk","offline":true,"tenant":"one"}],"x":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		items, fault := fuzzed(t, "application/json", raw)
		if len(items) == 0 && fault == nil {
			t.Error("neither a document nor a fault")
		}
	})
}

func FuzzMultipart(f *testing.F) {
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.xml\"\r\nRef: x\r\n\r\n<a/>\r\n--b--\r\n"))
	f.Add([]byte("--b\r\n\r\n\r\n--b--"))
	f.Add([]byte("--b"))
	f.Add([]byte("--b\r\nContent-Disposition: form-data; filename*=UTF-8''%00\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		items, fault := fuzzed(t, "multipart/form-data; boundary=b", raw)
		if len(items) == 0 && fault == nil {
			t.Error("neither a document nor a fault")
		}
	})
}
