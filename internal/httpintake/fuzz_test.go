package httpintake

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"testing"
	"time"

	"ksefworker/internal/intake"
)

// fuzzed reads a body without a ledger behind it.
func fuzzed(t *testing.T, media string, raw []byte) ([]intake.Item, error) {
	br := &bodyReader{core: &core{o: Options{Now: func() time.Time { return monday }, Limits: Limits{Document: 10_000, Documents: 50}}}}
	c := &call{
		r: httptest.NewRequest("POST", "/v1/invoices", nil), lang: polish,
		client: &client{Client: Client{Tenants: []string{"one"}}, admitter: &intake.Admitter{}},
	}
	of := &asked{file: "-"}
	var err error
	if of.media, of.params, err = mime.ParseMediaType(media); err != nil {
		t.Skip("this is not a media type, so no reader is chosen for the body")
	}
	b := &body{at: bytes.NewReader(raw), size: int64(len(raw)), mem: raw}
	src := formats[of.media](br, c, b, of)
	var items []intake.Item
	for it := range br.limited(c.ctx(), src) {
		items = append(items, it)
	}
	if len(items) > 50 {
		t.Fatalf("the body gave %d items, want 50 at most", len(items))
	}
	for _, it := range items {
		if it.Data != nil && it.Err != nil {
			t.Fatalf("an item has both a document and an error: %+v", it)
		}
		if int64(len(it.Data)) > 10_001 && of.media != "application/json" {
			t.Fatalf("the body gave a document of %d bytes, want 10,001 at most", len(it.Data))
		}
		if it.Err != nil {
			said(t, c.refusalOf(it.Err))
		}
	}
	if src.fault != nil {
		p, ok := errors.AsType[*problem](src.fault)
		if !ok {
			t.Fatalf("the fault of the body is not of type *problem: %v", src.fault)
		}
		said(t, p.body(c))
	}
	if _, err := b.fingerprint(of, ""); (err != nil) != (src.fault != nil) && of.media == "multipart/form-data" && len(items) < 50 {
		t.Fatalf("the body has the fault %v, but its fingerprint has the error %v; want both or neither", src.fault, err)
	}
	return items, src.fault
}

// ofGo finds words that mean something only to people who know the code of this program.
var ofGo = regexp.MustCompile(`Go (value|struct)|httpintake|json: `)

// said fails the test when an answer is not JSON, has an empty detail, or shows words of Go.
func said(t *testing.T, answer any) {
	t.Helper()
	raw, err := json.Marshal(answer)
	if err != nil || !json.Valid(raw) || bytes.Contains(raw, []byte(`"detail":""`)) || ofGo.Match(raw) {
		t.Fatalf("the answer is no JSON, has an empty detail, or shows words of Go: %s, %v", raw, err)
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"invoices":[{"xml":"<a/>","ref":"x"}]}`,
		`{"invoices":[{"xml_base64":"PGEvPg=="},{"faktura":{}},null,1,[]]}`,
		`{"invoices":[]}`, `{"invoices":[{"xml":"\ud800"}]`, `[`,
		`{"invoices":["<a/>",[],1,{"faktura":[]},{"faktura":{"Fa":[]}},{"invoices":1}]}`,
		`{"invoices":[{"XML":"<a/>","xml":"<b/>"},{"faktura":{"Fa":[{"@a":1}]},"tenant":"two"},{"ref":1},{"offline":"x"},{"a":1}]}`,
		`{"invoices":[{"deadline":"2049-01-01","lane":"bulk","offline":true,"tenant":"one"}],"x":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		items, fault := fuzzed(t, "application/json", raw)
		if len(items) == 0 && fault == nil {
			t.Error("the body gave neither a document nor a fault")
		}
	})
}

func FuzzMultipart(f *testing.F) {
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.xml\"\r\nRef: x\r\n\r\n<a/>\r\n--b--\r\n"))
	f.Add([]byte("--b\r\n\r\n\r\n--b--"))
	f.Add([]byte("--b"))
	f.Add([]byte("--b\r\nContent-Disposition: form-data; filename*=UTF-8''%00\r\n\r\n"))
	f.Add([]byte("--b\r\nContent-Disposition: form-data; filename=a.xml\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=\r\n--b--"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		items, fault := fuzzed(t, "multipart/form-data; boundary=b", raw)
		if len(items) == 0 && fault == nil {
			t.Error("the body gave neither a document nor a fault")
		}
	})
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"ref=SO-1&lane=bulk&offline=true&deadline=2026-11-24&tenant=one", "ref=%00&ref=", "lane=%zz",
		"since=2026-11-24T10:00", "cursor=MTc2NCBpbnYtYQ&limit=5&state=parked", "cursor=MS0wIDE&wait=30s", "wait=-1s&limit=0",
		"day=2026-02-30&number_prefix=FV", "corrects=x;y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		core := &core{o: Options{Now: func() time.Time { return monday }}}
		c := &call{
			r: &http.Request{URL: &url.URL{RawQuery: query}, Header: http.Header{"Content-Type": {"application/xml"}}}, lang: polish,
			client: &client{Client: Client{Tenants: []string{"one"}}, admitter: &intake.Admitter{}},
		}
		_, submitted := (&bodyReader{core: core}).askedOf(c)
		found, listed := (&listing{core}).filterOf(c)
		asked, told := eventsQueryOf(c)
		for _, err := range []error{submitted, listed, told} {
			p, ok := errors.AsType[*problem](err)
			if err != nil && (!ok || p.kind != badRequest) {
				t.Fatalf("the query %q gives the error %v, want none or a bad-request", query, err)
			}
			if ok {
				said(t, p.body(c))
			}
		}
		if listed == nil && (found.limit < 1 || found.limit > maxPageSize || len(found.tenants) != 1) {
			t.Fatalf("for a list, the query %q is read as %+v, which is out of bounds", query, found)
		}
		if told == nil && (asked.limit < 1 || asked.limit > maxPageSize || asked.wait < 0 || asked.wait > maxEventsWait) {
			t.Fatalf("for events, the query %q is read as %+v, which is out of bounds", query, asked)
		}
	})
}
