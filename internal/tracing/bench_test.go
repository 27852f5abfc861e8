package tracing_test

import (
	"testing"

	"go.opentelemetry.io/otel/trace"

	"ksefworker/internal/tracing"
	"ksefworker/internal/tracing/tracetest"
)

func BenchmarkSpan(b *testing.B) {
	on, _ := open(b, tracetest.Start(b).Environ()...)
	for _, row := range []struct {
		name string
		t    *tracing.Tracer
	}{{"off", nil}, {"on", on}} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, s := row.t.Start(b.Context(), "inv-abcdefghijklmnopqrstuvwx", "invoice accepted")
				if s.IsRecording() {
					s.SetAttributes(tracing.InvoiceKey.String("inv-abcdefghijklmnopqrstuvwx"), tracing.TenantKey.String("Acme"))
					s.AddEvent("taken")
					s.AddLink(trace.Link{})
				}
				s.End()
			}
		})
	}
	_ = on.Close(b.Context())
}
