package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// scope names this program as the author of its spans.
const scope = "ksefworker"

// Tracer starts spans. A nil Tracer starts no spans and costs next to nothing. Safe for concurrent
// use.
type Tracer struct {
	tracer trace.Tracer
	stop   func(context.Context) error
	spans  *spans
}

// Start begins a root span in the trace of an object. With object "" the span has a trace of its
// own. The span links to the span of ctx, if ctx has one. The returned context has the new span,
// for [Child].
func (t *Tracer) Start(ctx context.Context, object, name string, o ...trace.SpanStartOption) (context.Context, trace.Span) {
	var w wanted
	if object != "" {
		w.trace = ID(object)
	}
	return t.start(ctx, w, name, o)
}

// StartFirst is Start for the span with which the trace of an object begins. [LinkTo] leads to that
// span. It is started once for each object.
func (t *Tracer) StartFirst(ctx context.Context, object, name string, o ...trace.SpanStartOption) (context.Context, trace.Span) {
	return t.start(ctx, wanted{ID(object), firstSpan(object)}, name, o)
}

func (t *Tracer) start(ctx context.Context, w wanted, name string, o []trace.SpanStartOption) (context.Context, trace.Span) {
	if t == nil {
		return ctx, noop.Span{}
	}
	o = append(o, trace.WithNewRoot())
	if from := trace.SpanContextFromContext(ctx); from.IsValid() && from.IsSampled() {
		o = append(o, trace.WithLinks(trace.Link{SpanContext: from}))
	}
	return t.tracer.Start(context.WithValue(ctx, wantedKey{}, w), name, o...)
}

// Continue begins a span that continues the caller's trace, as its traceparent says. Without a
// valid traceparent, the span is a root.
func (t *Tracer) Continue(ctx context.Context, from propagation.TextMapCarrier, name string, o ...trace.SpanStartOption,
) (context.Context, trace.Span) {
	if t == nil {
		return ctx, noop.Span{}
	}
	return t.tracer.Start(propagation.TraceContext{}.Extract(ctx, from), name, o...)
}

// Recording reports whether the span of ctx is recorded. Ask before computing much for a span.
func Recording(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }

// Child begins a child of the span that ctx has. When ctx has no recorded span, nothing is started.
func Child(ctx context.Context, name string, o ...trace.SpanStartOption) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, noop.Span{}
	}
	return parent.TracerProvider().Tracer(scope).Start(ctx, name, o...)
}

// Set adds attributes to the span that ctx has.
func Set(ctx context.Context, attrs ...attribute.KeyValue) {
	trace.SpanFromContext(ctx).SetAttributes(attrs...)
}

// Fail marks a span as failed. why MUST NOT have a text of KSeF.
func Fail(s trace.Span, why string) { s.SetStatus(codes.Error, why) }

// Close exports what is left and stops, within the time that ctx allows.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	err := t.stop(ctx)
	if err != nil {
		// The exporter still waits for the collector. Shutting it down with a context that has
		// ended interrupts the wait.
		ended, cancel := context.WithCancel(context.WithoutCancel(ctx))
		cancel()
		_ = t.spans.to.Shutdown(ended)
	}
	return err
}
