package main

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/propagation"

	"ksefworker/internal/buildinfo"
	"ksefworker/internal/tracing"
)

// trace sets up the trail of a command that takes or changes invoices. The trail sends traces when
// the environment names a collector, and logs which invoices the command took.
func (p *program) trace(ctx context.Context, log zerolog.Logger) error {
	t, err := tracing.Open(ctx, tracing.Options{Environ: p.environ, Service: "ksef-enqueue", Version: buildinfo.Read().Version, Log: log})
	if fault, ok := errors.AsType[*tracing.EnvironmentError](err); ok {
		return &usageError{what: fault.Error(), hint: "see docs/traces.md"}
	}
	if err != nil {
		return err
	}
	p.base.Trail = tracing.Trail{Log: log, Trace: t}
	return nil
}

// traced is trace for a command that prints its outcome and keeps no log. It also begins the
// command's span. The span continues the trace in the variable TRACEPARENT, which a program that
// starts enqueue may set. The returned function ends the span.
func (p *program) traced(ctx context.Context, name string) (context.Context, func(), error) {
	if err := p.trace(ctx, zerolog.Nop()); err != nil {
		return ctx, nil, err
	}
	from := propagation.MapCarrier{"traceparent": lookup(p.environ, "TRACEPARENT"), "tracestate": lookup(p.environ, "TRACESTATE")}
	ctx, span := p.base.Trail.Trace.Continue(ctx, from, name)
	return ctx, func() { span.End() }, nil
}

// traceTimeout is how long the end of a command waits for a collector.
const traceTimeout = 3 * time.Second

// endTraces exports the traces that are left. It reports lost traces, which do not change the exit
// code.
func (p *program) endTraces() {
	t := p.base.Trail.Trace
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), traceTimeout)
	defer cancel()
	err := t.Close(ctx)
	if s := t.Stats(); err != nil || s.Failed+s.Dropped > 0 {
		p.say("note: the collector in OTEL_EXPORTER_OTLP_ENDPOINT did not take all traces; nothing else is affected")
	}
}
