package tracing

import (
	"crypto/sha256"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// ID returns the trace of an object: an invoice, a package, or a task about many invoices. The
// trace is the same in every process and at any time. The bytes come from a hash, so a sampler that
// decides by the trace id takes a fair share, and decides alike in every process.
func ID(object string) trace.TraceID {
	sum := sha256.Sum256([]byte(object))
	return trace.TraceID(sum[:16])
}

// IDText returns the trace of an object as log lines have it: 32 hexadecimal digits.
func IDText(object string) string { return ID(object).String() }

// firstSpan returns the id of the span with which the trace of an object begins. Processes that
// never saw that span can make a link to it.
func firstSpan(object string) trace.SpanID {
	sum := sha256.Sum256([]byte(object))
	return trace.SpanID(sum[16:24])
}

// LinkTo returns a link to the trace of an object.
func LinkTo(object string, attrs ...attribute.KeyValue) trace.Link {
	return trace.Link{Attributes: attrs, SpanContext: trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: ID(object), SpanID: firstSpan(object), TraceFlags: trace.FlagsSampled, Remote: true,
	})}
}
