package report_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/report"
	"ksefworker/internal/results"
	"ksefworker/internal/sample"
)

// BenchmarkGather reads the results and documents of a month from a folder, without a ledger.
func BenchmarkGather(b *testing.B) {
	const n = 2000
	s, err := archive.Open(b.Context(), "file://"+b.TempDir()+"/archive", archive.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for i := range n {
		doc := sample.Invoice(sample.Options{Number: fmt.Sprintf("B/%d", i), IssueDate: "2026-11-26", Seed: uint64(i)})
		h, err := invoice.Parse(doc)
		if err != nil {
			b.Fatal(err)
		}
		r := results.Result{ID: ledger.InvoiceID(ledger.Identity{NIP: h.SellerNIP, Kind: h.Kind, Number: h.Number}, h.Hash),
			NIP: h.SellerNIP, Number: h.Number, Kind: h.Kind, IssueDate: h.IssueDate, State: "receipted", Hash: records.HashOf(doc)}
		raw, err := json.Marshal(r)
		if err != nil {
			b.Fatal(err)
		}
		for name, data := range map[string][]byte{
			archive.InvoiceName(r.NIP, r.IssueDate, r.ID): doc, archive.ResultName(r.NIP, r.IssueDate, r.ID): raw,
		} {
			if err := s.Put(b.Context(), name, data, ""); err != nil {
				b.Fatal(err)
			}
		}
	}
	sources := &report.Sources{Archive: &records.Reader{Store: s}}
	for b.Loop() {
		c := &report.Collector{}
		if err := sources.Gather(b.Context(), report.Query{From: "2026-11-01", To: "2026-11-30"}, c); err != nil {
			b.Fatal(err)
		}
		if got := c.Report().Invoices(); got != n {
			b.Fatalf("%d invoices, want %d", got, n)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "invoices/s")
}
