package sample_test

import (
	"testing"

	"ksefworker/internal/sample"
)

func BenchmarkInvoice(b *testing.B) {
	for name, o := range map[string]sample.Options{"ordinary": {}, "8KB": {Lines: 18, PadTo: 8000}, "1MB": {PadTo: 1_000_000}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(sample.Invoice(o))))
			b.ReportAllocs()
			for b.Loop() {
				o.Seed++
				sample.Invoice(o)
			}
		})
	}
}
