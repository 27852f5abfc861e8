package tracing

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"
)

// wanted are the ids of the root span that is about to start. A zero id stands for a random one.
type wanted struct {
	trace trace.TraceID
	span  trace.SpanID
}

type wantedKey struct{}

// generator gives a root span the ids that its context wants. It implements sdktrace.IDGenerator.
// Safe for concurrent use.
type generator struct{}

// NewIDs implements sdktrace.IDGenerator.
func (g generator) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	w, _ := ctx.Value(wantedKey{}).(wanted)
	for !w.trace.IsValid() {
		binary.LittleEndian.PutUint64(w.trace[:8], rand.Uint64())
		binary.LittleEndian.PutUint64(w.trace[8:], rand.Uint64())
	}
	if !w.span.IsValid() {
		w.span = g.NewSpanID(ctx, w.trace)
	}
	return w.trace, w.span
}

// NewSpanID implements sdktrace.IDGenerator.
func (generator) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	for !id.IsValid() {
		binary.LittleEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}
