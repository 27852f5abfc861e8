package fa_test

import (
	"testing"

	"ksefworker/internal/simulator/fa"
	"ksefworker/internal/simulator/fa/fatest"
)

// BenchmarkInspect checks one invoice of about 8 KB.
func BenchmarkInspect(b *testing.B) {
	document := []byte(fatest.WithLines(b, fatest.Invoice(fatest.SellerA, "FV/1", fatest.Today), 42))
	f := fa.Forms()["v3"]
	b.SetBytes(int64(len(document)))
	b.ReportAllocs()
	for b.Loop() {
		if r := fa.Inspect(document, f, atNoon()); r.Code != 200 {
			b.Fatal(r.Details)
		}
	}
}
