package gateway_test

import (
	"testing"

	"github.com/rs/zerolog"

	"ksefworker/internal/ksef/gateway"
	"ksefworker/internal/tracing"
	"ksefworker/internal/tracing/tracetest"
)

// BenchmarkRequest_Trace measures what a trace adds to a request. The request goes over no network
// here. So the trace's share of the time is far larger here than in a pool.
func BenchmarkRequest_Trace(b *testing.B) {
	for name, on := range map[string]bool{"off": false, "on": true} {
		b.Run(name, func(b *testing.B) {
			o := options("http://gateway.test")
			o.Transport = canned{200, "application/json", []byte(`{"invoices":[]}`)}
			c, err := gateway.New(o)
			if err != nil {
				b.Fatal(err)
			}
			var t *tracing.Tracer
			if on {
				t, err = tracing.Open(b.Context(), tracing.Options{Environ: tracetest.Start(b).Environ(), Log: zerolog.Nop()})
				if err != nil {
					b.Fatal(err)
				}
				defer t.Close(b.Context())
			}
			ctx, span := t.Start(b.Context(), "pkg-1", "package:confirm")
			defer span.End()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.SessionInvoices(ctx, "20261126-SB-1"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
