package pack_test

import (
	"fmt"
	"testing"

	"ksefworker/internal/pack"
)

// BenchmarkBuild_10kInvoices builds a full session's package of 8 kB invoices at each level of
// compression that was considered. MB/s counts the bytes of the invoices; zip-MB is the size of the
// upload.
func BenchmarkBuild_10kInvoices(b *testing.B) {
	var entries []pack.Entry
	var total int64
	for e := range invoices(10_000) {
		entries, total = append(entries, e), total+int64(len(e.Data))
	}
	for _, level := range []int{1, 3, 5, 6} {
		b.Run(fmt.Sprintf("level=%d", level), func(b *testing.B) {
			b.SetBytes(total)
			b.ReportAllocs()
			var size int64
			for b.Loop() {
				p := build(b, entriesOf(entries...), pack.Options{Dir: b.TempDir(), Encrypter: sealCBC, Level: level})
				size = p.Size
				if err := p.Remove(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size)/1e6, "zip-MB")
		})
	}
}

// BenchmarkBuild_2GB streams 2 GB that do not compress, the worst case for disk, hashes and
// encryption, and reports the largest heap.
func BenchmarkBuild_2GB(b *testing.B) {
	if testing.Short() {
		b.Skip("writes 2 GB to the temporary folder")
	}
	const total = 2_000_000_000
	b.SetBytes(total)
	b.ReportAllocs()
	for b.Loop() {
		peak := watchHeap()
		p := build(b, noise(total, 2_500_000), pack.Options{Dir: b.TempDir(), Encrypter: sealCBC})
		b.ReportMetric(float64(peak())/1e6, "peak-heap-MB")
		if err := p.Remove(); err != nil {
			b.Fatal(err)
		}
	}
}
