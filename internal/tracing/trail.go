package tracing

import (
	"context"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/attribute"
)

// Trail is where a process tells of changes: its log and its tracer. The zero value tells nobody.
// Safe for concurrent use once it is set.
type Trail struct {
	Log   zerolog.Logger
	Trace *Tracer
}

// Taken tells that an invoice was taken in.
func (t Trail) Taken(ctx context.Context, c Change, attrs ...attribute.KeyValue) {
	c.Log(&t.Log)
	t.Trace.Taken(ctx, c, attrs...)
}

// Moved tells of a change that a person made.
func (t Trail) Moved(ctx context.Context, c Change) {
	c.Log(&t.Log)
	t.Trace.Moment(ctx, c)
}
