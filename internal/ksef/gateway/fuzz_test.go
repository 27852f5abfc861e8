package gateway_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

// canned is a transport that gives one fixed answer without a network.
type canned struct {
	status int
	kind   string
	body   []byte
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	return &http.Response{StatusCode: c.status, Header: http.Header{
		"Content-Type": {c.kind}, "Retry-After": {string(c.body[:min(len(c.body), 8)])},
	},
		Body: io.NopCloser(bytes.NewReader(c.body)), Request: r}, nil
}

// Whatever the answer is, an operation returns a result that passes its checks or an *APIError that
// shows no secret.
func FuzzAnswers(f *testing.F) {
	ops := operations(f)
	for i, op := range ops {
		f.Add(uint(i), 200, op.kind, []byte(op.answer))
		f.Add(uint(i), 400, "application/json", []byte(jsonNo))
	}
	f.Add(uint(0), 502, "text/html", []byte(htmlPage))
	f.Add(uint(4), 200, "application/json", []byte(`{"invoices":[{"status":{"code":1e3}}]}`))
	f.Add(uint(9), 200, "application/json", []byte(`{"error":[[["x"]]],"error":null}`))
	f.Fuzz(func(t *testing.T, n uint, status int, kind string, body []byte) {
		op := ops[n%uint(len(ops))]
		o := options("http://gateway.test")
		o.Transport = canned{100 + int(uint(status)%500), kind, body}
		o.MaxResponse, o.MaxDownload, o.Timeout = 1<<16, 1<<16, time.Minute
		c, err := gateway.New(o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := op.call(t.Context(), c)
		if err == nil {
			switch v := got.(type) {
			case ksef.InvoiceInfo:
				if v.Status.Code <= 0 {
					t.Errorf("an answer without a status code is accepted: %+v", v)
				}
			case ksef.OpenedSession:
				if v.ID == "" {
					t.Error("an answer without a session id is accepted")
				}
			case []ksef.InvoiceInfo:
				if v == nil {
					t.Error("SessionInvoices returned neither a list nor an error")
				}
			}
			return
		}
		var e *ksef.APIError
		if !errors.As(err, &e) || e.Kind == "" || len(e.Error()) > 2000 {
			t.Errorf("the error is a %T, want a short *APIError with a kind: %v", err, err)
		}
		noSecret(t, err, []string{secret})
	})
}
