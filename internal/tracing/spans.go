package tracing

import (
	"context"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Stats are what became of the spans of this process so far.
type Stats struct {
	Exported int64 // the collector has them
	Failed   int64 // the collector did not take them
	Dropped  int64 // no place for them, because the collector is too slow, or away
}

// Stats returns what became of the spans so far; zeros for a nil Tracer.
func (t *Tracer) Stats() Stats {
	if t == nil {
		return Stats{}
	}
	s := t.spans
	return Stats{Exported: s.exported.Load(), Failed: s.failed.Load(), Dropped: s.dropped.Load()}
}

// spans stands on both sides of the SDK's batch processor. It bounds how many spans wait there,
// including those that are being exported. It also counts what becomes of them, because the
// processor does not report how many it drops. Safe for concurrent use.
type spans struct {
	sdktrace.SpanProcessor // the batch processor
	to                     sdktrace.SpanExporter
	max                    int64
	tell                   func(err error) // called after each export; err is nil when it went well

	waiting, exported, failed, dropped atomic.Int64
}

// OnEnd implements sdktrace.SpanProcessor. It never waits.
func (s *spans) OnEnd(span sdktrace.ReadOnlySpan) {
	if !span.SpanContext().IsSampled() {
		return
	}
	if s.waiting.Add(1) > s.max {
		s.waiting.Add(-1)
		s.dropped.Add(1)
		return
	}
	s.SpanProcessor.OnEnd(span)
}

// exporter is the side of [spans] behind the batch processor. The processor hands it the spans that
// it has gathered.
type exporter struct{ *spans }

// ExportSpans implements sdktrace.SpanExporter. It returns nil even when the export failed, because
// the processor would hand an error to a handler that all libraries of the process share.
func (e exporter) ExportSpans(ctx context.Context, batch []sdktrace.ReadOnlySpan) error {
	defer e.waiting.Add(-int64(len(batch)))
	err := e.to.ExportSpans(ctx, batch)
	if err == nil {
		e.exported.Add(int64(len(batch)))
	} else {
		e.failed.Add(int64(len(batch)))
	}
	e.tell(err)
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (e exporter) Shutdown(ctx context.Context) error { return e.to.Shutdown(ctx) }
