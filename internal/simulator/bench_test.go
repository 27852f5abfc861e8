package simulator

import (
	"fmt"
	"testing"

	"ksefworker/internal/simulator/fa/fatest"
)

// BenchmarkBatch processes a package with as many invoices as KSeF accepts in one package. Each
// invoice has about 8 KB.
func BenchmarkBatch(b *testing.B) {
	r := newRig(b)
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		documents := make([]string, maxInvoices)
		size := 0
		for i := range documents {
			documents[i] = fatest.WithLines(b, faXML(sellerA, fmt.Sprintf("%d/%d", n, i), today), 42)
			size += len(documents[i])
		}
		p := r.pack(zipOf(b, documents...), 2).begin().uploadAll()
		b.SetBytes(int64(size))
		b.StartTimer()
		p.close()
		if s := r.await(p.id); s.Code != 200 {
			b.Fatalf("status %+v, want 200", s)
		}
	}
}
