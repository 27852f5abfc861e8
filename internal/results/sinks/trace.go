package sinks

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"ksefworker/internal/tracing"
)

// traceDelivered makes a span for each outcome of an invoice that the receiver has taken in this
// round, in the trace of the invoice. The span goes from when the outcome was written until the
// receiver had answered.
func traceDelivered(ctx context.Context, r *round, items []*item) {
	if r.Trace == nil {
		return
	}
	for _, it := range items {
		if it.err != nil || it.edited.Gone || it.Refusal() {
			continue
		}
		_, s := r.Trace.Start(ctx, it.ID, "invoice delivered", trace.WithTimestamp(it.Time()), trace.WithAttributes(
			tracing.InvoiceKey.String(it.ID), tracing.StateKey.String(string(it.State)), tracing.ReceiverKey.String(r.Name)))
		s.End(trace.WithTimestamp(r.now))
	}
}
