package httpintake

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"ksefworker/internal/tracing"
)

// begin starts the span of a call. The span continues the trace in the caller's traceparent. The
// span has the route and neither the address nor the query, which may hold a ref or a number.
func (s *Server) begin(r *http.Request, pattern string) (*http.Request, trace.Span) {
	name := pattern
	if name == "" {
		name = "call without a route"
	}
	if s.o.Trace == nil || probe(pattern) {
		return r, trace.SpanFromContext(r.Context())
	}
	ctx, span := s.o.Trace.Continue(r.Context(), propagation.HeaderCarrier(r.Header), name, trace.WithSpanKind(trace.SpanKindServer))
	return r.WithContext(ctx), span
}

// probe reports whether a route is called every few seconds. The spans of its calls would hide
// everything else.
func probe(pattern string) bool { return pattern == "GET /healthz" || pattern == "GET /readyz" }

// end ends the span of a call.
func (c *call) end(span trace.Span, pattern string) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.Int("http.response.status_code", c.w.status), tracing.RequestKey.String(c.id))
	if pattern != "" {
		span.SetAttributes(attribute.String("http.route", pattern))
	}
	if c.client != nil {
		span.SetAttributes(tracing.ClientKey.String(c.client.Name))
	}
	if c.taken+c.refused > 0 {
		span.SetAttributes(tracing.CountKey.Int(c.taken), tracing.RefusedKey.Int(c.refused))
	}
	if c.w.status >= http.StatusInternalServerError {
		tracing.Fail(span, http.StatusText(c.w.status))
	}
}
