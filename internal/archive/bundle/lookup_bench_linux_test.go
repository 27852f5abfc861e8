package bundle_test

import (
	"fmt"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
)

// BenchmarkLookup measures what it costs to look up one document by its id, in a bucket that needs
// 10 ms for a request. In "alone", the document is an object of its own. In "first of a month",
// this process has not read the indexes of the month yet. In "nowhere", the document is not there.
// In "one of many", many documents of the same month are looked up, as when a whole export is
// handed in again.
func BenchmarkLookup(b *testing.B) {
	const days, each = 30, 1000
	slow := slowBucket(b)
	below := open(b, slow.In("kept"))
	intercept := slow.Intercept
	slow.Intercept = nil
	var all []bundle.Invoice
	for day := range days {
		some := tinyOf(fmt.Sprintf("pkg-%d", day), each)
		all = append(all, some...)
		if _, err := keep(b.Context(), below, fmt.Sprintf("2026-11-%02d", day+1), "pkg", some); err != nil {
			b.Fatal(err)
		}
	}
	if err := bundle.Over(below).Tidy(b.Context(), folder, "2026-12-05"); err != nil {
		b.Fatal(err)
	}
	alone := tinyOf("alone", 1)[0]
	if err := below.Put(b.Context(), documentName(alone), alone.Document, ""); err != nil {
		b.Fatal(err)
	}
	slow.Intercept = intercept
	get := func(b *testing.B, s archive.Store, inv bundle.Invoice) {
		_, _ = s.Get(b.Context(), documentName(inv))
	}
	run := func(name string, do func(b *testing.B, i int)) {
		b.Run(name, func(b *testing.B) {
			slow.Take()
			for i := range b.N {
				do(b, i)
			}
			b.ReportMetric(float64(reads(slow.Take()))/float64(b.N), "reads/op")
		})
	}
	run("alone", func(b *testing.B, _ int) { get(b, bundle.Over(below), alone) })
	run("first of a month", func(b *testing.B, i int) { get(b, bundle.Over(below), all[i*997%len(all)]) })
	run("nowhere", func(b *testing.B, i int) { get(b, bundle.Over(below), tinyOf("nowhere", 1)[0]) })
	many := bundle.Over(below)
	run("one of many", func(b *testing.B, i int) { get(b, many, all[i*997%len(all)]) })
}
