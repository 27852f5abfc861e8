package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Moment traces a change of an invoice that took no time, such as one that a person made.
func (t *Tracer) Moment(ctx context.Context, c Change, attrs ...attribute.KeyValue) {
	if t == nil {
		return
	}
	_, s := t.Start(ctx, c.Invoice, "invoice "+c.State)
	c.describe(s, attrs)
	s.End()
}

// Taken traces that an invoice was taken in. Its span is the first of the invoice's trace. The span
// of ctx, which belongs to the call or command that handed the invoice in, gets a link to this
// first span.
func (t *Tracer) Taken(ctx context.Context, c Change, attrs ...attribute.KeyValue) {
	if t == nil {
		return
	}
	_, s := t.StartFirst(ctx, c.Invoice, "invoice taken")
	defer s.End()
	c.describe(s, attrs)
	if by := trace.SpanFromContext(ctx); by.IsRecording() && s.IsRecording() {
		by.AddLink(LinkTo(c.Invoice, InvoiceKey.String(c.Invoice)))
	}
}

func (c Change) describe(s trace.Span, attrs []attribute.KeyValue) {
	if s.IsRecording() {
		s.SetAttributes(append(attrs, InvoiceKey.String(c.Invoice), TenantKey.String(c.Tenant), StateKey.String(c.State))...)
	}
}

// Tenant adds to the span of ctx the name of the tenant that the span is about.
func Tenant(ctx context.Context, name string) {
	if Recording(ctx) {
		Set(ctx, TenantKey.String(name))
	}
}
