package bundle_test

import (
	"fmt"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
)

// unjoinedMonth archives a month of 112,140 invoices, as 126 packages, in a new archive on disk.
// The indexes of the packages are not joined. It returns the archive and the last 12,000 invoices.
func unjoinedMonth(b *testing.B) (below archive.Store, some []bundle.Invoice) {
	below = open(b, "file://"+b.TempDir())
	for n := range 126 {
		invs := tinyOf(fmt.Sprintf("unjoined-%03d", n), 890)
		if _, err := keep(b.Context(), below, fmt.Sprintf("2026-11-%02d", 1+n/6), fmt.Sprintf("pkg-%03d", n), invs); err != nil {
			b.Fatal(err)
		}
		some = append(some, invs...)
	}
	return below, some[len(some)-12_000:]
}

// BenchmarkUnjoined measures what look-ups take before the indexes of the month are joined: the
// results of 12,000 ids, half of which are in the archive; the result of one id; and a search for
// one KSeF number.
func BenchmarkUnjoined(b *testing.B) {
	below, some := unjoinedMonth(b)
	nowhere := tinyOf("nowhere", len(some))
	b.Run("12000 ids", func(b *testing.B) {
		for b.Loop() {
			s := bundle.Over(below)
			for i := range some {
				inv := some[i]
				if i%2 == 0 {
					inv = nowhere[i]
				}
				if _, err := s.Get(b.Context(), resultName(inv)); (err == nil) != (i%2 == 1) {
					b.Fatalf("the result of %s gave the error %v, want it found: %t", inv.ID, err, i%2 == 1)
				}
			}
		}
	})
	b.Run("one id", func(b *testing.B) {
		for b.Loop() {
			if _, err := bundle.Over(below).Get(b.Context(), resultName(some[1])); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("one KSeF number", func(b *testing.B) {
		read := bundle.Read{}
		for b.Loop() {
			found := 0
			var err error
			count := func(bundle.Line) error { found++; return nil }
			read, err = bundle.Over(below).Search(b.Context(), folder, searchFor(some[7]), count, nil)
			if err != nil || found != 1 {
				b.Fatal("want one invoice found and no error; the search gave", found, err)
			}
		}
		b.ReportMetric(float64(read.Bytes)/1e6, "MB/op")
	})
}

func searchFor(inv bundle.Invoice) bundle.Query {
	return bundle.Query{One: true, Texts: [][]byte{bundle.Text(inv.KsefNumber)},
		Match: func(l *bundle.Line) bool { return l.KsefNumber == inv.KsefNumber }}
}
