package gateway_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

const (
	jsonNo   = `{"error":{"code":21405,"description":"Zła sesja","details":"d"}}`
	htmlPage = `<!DOCTYPE html><html><body>Request blocked</body></html>`
)

func TestErrors_EveryStatusAndBody_HaveTheirKind(t *testing.T) {
	for _, tc := range []struct {
		why       string
		status    int
		kind      string
		body      string
		want      ksef.ErrorKind
		maybeDone bool
	}{
		{"bad request in the gateway's words: refused, nothing done", 400, "application/json", jsonNo, ksef.KindRefused, false},
		{"not found in the gateway's words", 404, "application/json", jsonNo, ksef.KindRefused, false},
		{"conflict in the gateway's words", 409, "application/json", jsonNo, ksef.KindRefused, false},
		{"JSON of another content type is still JSON", 422, "text/plain", jsonNo, ksef.KindRefused, false},
		{"a framework's error text", 404, "application/json", `{"status":404,"error":"Not Found","path":"/x"}`, ksef.KindRefused, false},
		{
			"JSON that does not say what is wrong: the status decides, nothing is proven", 400, "application/json",
			`{"message":"x"}`, ksef.KindRefused, true,
		},
		{"an empty error object proves nothing", 400, "application/json", `{"error":{}}`, ksef.KindRefused, true},
		{"credentials refused", 401, "application/json", jsonNo, ksef.KindUnauthorized, false},
		{"account not allowed", 403, "application/json", jsonNo, ksef.KindUnauthorized, false},
		{"a firewall's 403 says nothing about credentials", 403, "text/html", htmlPage, ksef.KindOutage, true},
		{"a proxy's 401 page says nothing about credentials", 401, "text/html", htmlPage, ksef.KindOutage, true},
		{"a 400 page is not the gateway's answer", 400, "text/html", htmlPage, ksef.KindOutage, true},
		{"404 without a body comes from a proxy", 404, "", "", ksef.KindOutage, true},
		{"408: the request may have been carried out", 408, "application/json", jsonNo, ksef.KindOutage, true},
		{"throttled in the gateway's words", 429, "application/json", jsonNo, ksef.KindThrottled, false},
		{"throttled by a proxy", 429, "text/html", htmlPage, ksef.KindThrottled, true},
		{"throttled without a body", 429, "", "", ksef.KindThrottled, true},
		{"500 in the gateway's words may have been carried out", 500, "application/json", jsonNo, ksef.KindOutage, true},
		{"500 as a page", 500, "text/html", htmlPage, ksef.KindOutage, true},
		{"502 as a page", 502, "text/html", htmlPage, ksef.KindOutage, true},
		{"503 without a body", 503, "", "", ksef.KindOutage, true},
		{"504", 504, "application/json", jsonNo, ksef.KindOutage, true},
		{"a redirect to a login page is not followed", 302, "text/html", htmlPage, ksef.KindOutage, true},
		{"a redirect, even in JSON", 307, "application/json", jsonNo, ksef.KindOutage, true},
		{"another success status is not in the contract", 201, "application/json", `{"result":true}`, ksef.KindOutage, true},
		{"no content is not an answer", 204, "", "", ksef.KindOutage, true},
		{"200 with an error inside: an explicit refusal", 200, "application/json", jsonNo, ksef.KindRefused, false},
		{
			"200 with KSeF's unknown error inside", 200, "application/json",
			`{"error":{"code":550,"description":"x"}}`, ksef.KindRefused, true,
		},
		{
			"200 with code 150: close does not wait for processing", 200, "application/json",
			`{"error":{"code":150,"description":"x"}}`, ksef.KindRefused, false,
		},
		{"200 with an error as text", 200, "application/json", `{"error":"no"}`, ksef.KindRefused, false},
		{"200 with a page: a firewall", 200, "text/html", htmlPage, ksef.KindOutage, true},
		{"200 with a page that claims to be JSON", 200, "application/json", htmlPage, ksef.KindOutage, true},
		{"200 with half a JSON", 200, "application/json", `{"result":tr`, ksef.KindOutage, true},
		{"200 with two JSONs", 200, "application/json", `{"result":true}{"result":true}`, ksef.KindOutage, true},
		{"200 with a list", 200, "application/json", `[true]`, ksef.KindOutage, true},
		{"200 without a body", 200, "application/json", ``, ksef.KindOutage, true},
		{"200 without the field", 200, "application/json", `{}`, ksef.KindUnreadable, true},
		{"200 with the field null", 200, "application/json", `{"result":null,"error":null}`, ksef.KindUnreadable, true},
		{"200 with another type", 200, "application/json", `{"result":"yes"}`, ksef.KindUnreadable, true},
		{"result false", 200, "application/json", `{"result":false}`, ksef.KindRefused, true},
	} {
		t.Run(tc.why, func(t *testing.T) {
			rec := answers(tc.status, tc.kind, tc.body)
			rec.header.Set("Location", "/elsewhere")
			if tc.status == 204 {
				rec.body = nil
			}
			c, _ := serve(t, rec)
			e := apiError(t, c.CloseSession(soon(t), "s", true))
			if e.Kind != tc.want || e.MaybeDone != tc.maybeDone || e.Status != tc.status {
				t.Errorf("the error has kind %s, HTTP %d, maybe done %v, want kind %s, HTTP %d, maybe done %v (%v)",
					e.Kind, e.Status, e.MaybeDone, tc.want, tc.status, tc.maybeDone, e)
			}
			if tc.body == jsonNo && (e.Code != 21405 || e.Description != "Zła sesja" || e.Details != "d") {
				t.Errorf("the error does not keep the gateway's code and text: %+v", *e)
			}
			if n := len(rec.all()); n != 1 {
				t.Errorf("the call made %d requests, want 1", n)
			}
		})
	}
}

func TestErrors_CodeOfProcessing_MeansAskAgain(t *testing.T) {
	for _, tc := range []struct {
		why    string
		status int
		body   string
		want   ksef.ErrorKind
	}{
		{"150 inside a 200", 200, `{"error":{"code":150,"description":"w toku"}}`, ksef.KindProcessing},
		{"100 inside a 200", 200, `{"error":{"code":100,"description":"przyjęto"}}`, ksef.KindProcessing},
		{"150 with a 400", 400, `{"error":{"code":150,"description":"w toku"}}`, ksef.KindProcessing},
		{"150 with a 404", 404, `{"error":{"code":150,"description":"w toku"}}`, ksef.KindProcessing},
		{"150 as a string", 400, `{"error":{"code":"150","description":"w toku"}}`, ksef.KindProcessing},
		{"the status decides first: 429", 429, `{"error":{"code":150,"description":"w toku"}}`, ksef.KindThrottled},
		{"the status decides first: 401", 401, `{"error":{"code":150,"description":"w toku"}}`, ksef.KindUnauthorized},
		{"another code is a refusal", 400, `{"error":{"code":151,"description":"x"}}`, ksef.KindRefused},
	} {
		t.Run(tc.why, func(t *testing.T) {
			gate := &recordingGate{}
			c, _ := serve(t, answers(tc.status, "application/json", tc.body), func(o *gateway.Options) { o.Gate = gate })
			ctx := soon(t)
			for name, call := range map[string]func() error{
				"query status": func() error { _, err := c.QueryStatus(ctx, "q"); return err },
				"query result": func() error { _, err := c.QueryResult(ctx, "q", "1", discard{}); return err },
				"box invoice":  func() error { _, err := c.BoxInvoice(ctx, "u"); return err },
				"box batch":    func() error { _, err := c.BoxBatch(ctx, "u"); return err },
				"box download": func() error { _, err := c.BoxDownloaded(ctx, "d", discard{}); return err },
			} {
				err := call()
				e := apiError(t, err)
				if e.Kind != tc.want || errors.Is(err, ksef.ErrProcessing) != (tc.want == ksef.KindProcessing) {
					t.Errorf("%s: the error has kind %s, want %s, with ErrProcessing inside it: %v (%v)",
						name, e.Kind, tc.want, tc.want == ksef.KindProcessing, e)
				}
				if gate.last(t).Outage {
					t.Errorf("after the answer to %s, the gate was told of an outage, want none", name)
				}
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// A firewall's page must not pass for an answer, whatever the operation.
func TestErrors_HTMLPage_IsAnOutageForEveryOperation(t *testing.T) {
	for _, op := range operations(t) {
		if op.name == "visualize" {
			continue // this operation asks for HTML
		}
		t.Run(op.name, func(t *testing.T) {
			for _, kind := range []string{"text/html", op.kind} {
				c, _ := serve(t, answers(200, kind, htmlPage))
				_, err := op.call(soon(t), c)
				if e := apiError(t, err); e.Kind != ksef.KindOutage || !e.MaybeDone {
					t.Errorf("a firewall's page of type %q gave %v, want an outage that may be done", kind, e)
				}
			}
		})
	}
}

func TestErrors_RefusalInsideA200_IsARefusalForEveryOperation(t *testing.T) {
	for _, op := range operations(t) {
		t.Run(op.name, func(t *testing.T) {
			c, _ := serve(t, answers(200, "application/json", jsonNo))
			_, err := op.call(soon(t), c)
			if e := apiError(t, err); e.Kind != ksef.KindRefused || e.Code != 21405 || e.MaybeDone {
				t.Errorf("a refusal inside a 200 gave %v, want KindRefused with its code", e)
			}
		})
	}
}

func TestAnswers_Incomplete_AreErrorsAndNeverZeroValues(t *testing.T) {
	ops := map[string]operation{}
	for _, op := range operations(t) {
		ops[op.name] = op
	}
	for _, tc := range []struct{ why, op, body string }{
		{"no key", "public key", `{"algorithm":"RSA","publicKey":""}`},
		{"another algorithm", "public key", `{"algorithm":"EC","publicKey":"` + b64(publicDER(t)) + `"}`},
		{"a session without an id", "open online", `{"created":"2026-09-14T08:30:00Z"}`},
		{"too few uploads", "open batch", `{"id":"b","partUploads":[{"ordinal":1,"method":"PUT","url":"http://s.test/"}]}`},
		{
			"the same upload twice", "open batch",
			`{"id":"b","partUploads":[{"ordinal":1,"method":"PUT","url":"http://s.test/"},
				{"ordinal":1,"method":"PUT","url":"http://s.test/"}]}`,
		},
		{
			"an upload without an address", "open batch",
			`{"id":"b","partUploads":[{"ordinal":1,"method":"PUT","url":"/1"},{"ordinal":2,"method":"PUT","url":"http://s.test/"}]}`,
		},
		{"a session without a status", "session status, id escaped", `{"sessionInfo":{}}`},
		{"a status without a code", "session status, id escaped", `{"sessionInfo":{"status":{"description":"x"}}}`},
		{"a list that is missing is not an empty list", "session invoices", `{}`},
		{"a list that is null is not an empty list", "session invoices", `{"invoices":null}`},
		{"a list that breaks off", "session invoices", `{"invoices":[{"status":{"code":200}}`},
		{"more after the list", "session invoices", `{"invoices":[]}]`},
		{"two lists", "session invoices", `{"invoices":[],"invoices":[]}`},
		{"half a receipt", "session UPO", `<Potwierdzenie><Opis>`},
		{"an empty receipt", "session UPO", ``},
		{"a receipt of JSON", "session UPO", `{"upo":""}`},
		{"a sent invoice without an id", "send invoice", `{"id":""}`},
		{"an invoice without a status", "invoice status", `{}`},
		{"a validation without its result", "validate", `{"invoiceVersion":"v3"}`},
		{"no link", "links", `{"invoice":{}}`},
		{"something other than a PDF", "visualize UPO", `hello`},
		{"no list of metadata", "metadata", `{"hasMore":false}`},
		{"no query id", "query start", `{}`},
		{"no list of parts", "query status", `{"numberOfInvoices":0}`},
		{"JSON instead of the ZIP", "box downloaded", `{"result":true}`},
		{"the answer to another upload", "box invoice", `{"uploadId":"u-9","invoiceInfo":{"status":{"code":200}}}`},
		{"a batch without its list", "box batch", `{"uploadId":"u-2"}`},
	} {
		t.Run(tc.op+": "+tc.why, func(t *testing.T) {
			op, ok := ops[tc.op]
			if !ok {
				t.Fatalf("there is no operation %q", tc.op)
			}
			kind := op.kind
			if kind == "" {
				kind = "application/json"
			}
			c, _ := serve(t, answers(200, kind, tc.body))
			_, err := op.call(soon(t), c)
			// Where JSON is due, only the gateway answers with valid JSON. Every other wrong answer
			// counts as the answer of a proxy or firewall.
			want := ksef.KindOutage
			if json.Valid([]byte(tc.body)) && op.kind == "" {
				want = ksef.KindUnreadable
			}
			if e := apiError(t, err); e.Kind != want || !e.MaybeDone || e.Status != 200 {
				t.Errorf("the error is %v of kind %s, maybe done %v, want kind %s that may be done, with HTTP 200",
					e, e.Kind, e.MaybeDone, want)
			}
		})
	}
}

func TestSessionInvoices_EmptyList_IsAnAnswer(t *testing.T) {
	c, _ := serve(t, answers(200, "application/json", `{"invoices":[]}`))
	got, err := c.SessionInvoices(soon(t), "s")
	if err != nil || got == nil || len(got) != 0 {
		t.Errorf("the answer with an empty list gave %v, error %v, want an empty list that is not nil", got, err)
	}
}

func TestRetryAfter_SecondsAndDates_AreRead(t *testing.T) {
	now := time.Date(2026, 9, 14, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "0": 0, "-5": 0, "soon": 0, "NaN": 0,
		"30": 30 * time.Second, " 2680 ": 2680 * time.Second, "1.2": 2 * time.Second,
		"1e300": 1<<63 - 1, "999999999999999": 1<<63 - 1,
		"Mon, 14 Sep 2026 12:01:30 GMT": 90 * time.Second, "Mon, 14 Sep 2026 11:00:00 GMT": 0,
	} {
		rec := &recorder{status: 429, header: http.Header{"Retry-After": {header}}}
		c, _ := serve(t, rec, func(o *gateway.Options) { o.Now = func() time.Time { return now } })
		if e := apiError(t, c.CloseSession(soon(t), "s", true)); e.RetryAfter != want {
			t.Errorf("the Retry-After %q is read as %v, want %v", header, e.RetryAfter, want)
		}
	}
}
