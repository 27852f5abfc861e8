package httpintake

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/tracing"
	"ksefworker/internal/tracing/tracetest"
)

// The span of a call belongs to the caller's trace and links to the trace of the invoice. No span
// has anything of the query, which holds a ref.
func TestTrace_OfACaller_GoesOnAndLeadsToTheInvoice(t *testing.T) {
	c := tracetest.Start(t)
	var log strings.Builder
	traces, err := tracing.Open(t.Context(), tracing.Options{Environ: c.Environ(), Service: "ksef-enqueue", Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(o *Options) {
		o.Trace, o.Admitter.Trail = traces, tracing.Trail{Log: zerolog.New(&log), Trace: traces}
	})
	const erp = "4bf92f3577b34da6a3ce929d0e0e4736"
	a := b.post(xmlOf(0, "FV/77"), "?ref=order-4711", "traceparent", "00-"+erp+"-00f067aa0ba902b7-01", "X-Request-Id", "call-1")
	b.want(a, 202, "")
	id := a.body.Items[0].ID
	b.call("GET", "/healthz", nil)
	b.want(b.call("GET", "/v1/invoices/"+id, nil, "Authorization", "Bearer wrong", "traceparent", "nonsense"), 401, "")
	b.want(b.call("GET", "/v1/nowhere/FV77", nil), 404, "")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	b.must(traces.Close(ctx))

	names := map[string]tracetest.Span{}
	for _, s := range c.Spans() {
		names[s.Name] = s
	}
	post := names["POST /v1/invoices"]
	if post.Trace != erp || post.Parent != "00f067aa0ba902b7" || post.Attributes["http.response.status_code"] != "202" ||
		post.Attributes["ksef.client"] != "erp-one" || post.Attributes["ksef.request.id"] != "call-1" ||
		!slices.Contains(post.Links, tracing.IDText(id)) {
		t.Errorf("the span of the call lacks the caller's trace, its own attributes or the link to the invoice: %+v", post)
	}
	taken := names["invoice taken"]
	if taken.Trace != tracing.IDText(id) || !slices.Contains(taken.Links, erp) || taken.Attributes["ksef.tenant"] != "one" {
		t.Errorf("the span of the invoice lacks its trace, its tenant or the link to the call: %+v", taken)
	}
	if got := names["GET /v1/invoices/{id}"]; got.Parent != "" || got.Attributes["http.response.status_code"] != "401" || got.Failed {
		t.Errorf("the span of the call without a key should have status 401, no parent and no failure: %+v", got)
	}
	if _, ok := names["call without a route"]; !ok || len(names) != 4 {
		t.Errorf("want four spans, one of them for the call without a route: %+v", names)
	}
	for _, private := range []string{"order-4711", "FV/77", "FV77", keyOne} {
		if strings.Contains(c.Text(), private) {
			t.Errorf("%q is in the traces, and must not be", private)
		}
	}
	if want := `"invoice":"` + id + `","state":"queued","package":"","session":"","tenant":"one","trace_id":"` + tracing.IDText(id); strings.Count(
		log.String(), want) != 1 {
		t.Errorf("the log should have one line about the invoice, with its trace: %s", log.String())
	}
	if !strings.Contains(b.log.String(), `"trace_id":"`+erp) {
		t.Errorf("the log line of the call lacks the caller's trace: %s", b.log)
	}
}
