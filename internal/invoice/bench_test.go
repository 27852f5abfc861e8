package invoice_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"io"
	"testing"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/sample"
)

// eightKB returns an invoice of about twenty lines. The rates of the worker are stated for invoices
// of this size.
func eightKB() []byte { return sample.Invoice(sample.Options{Lines: 18, PadTo: 8000, Seed: 1}) }

// BenchmarkParse measures what enqueueing spends on each file for reading, checking and SHA-256.
func BenchmarkParse(b *testing.B) {
	doc := eightKB()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		h, err := invoice.Parse(doc)
		if err != nil {
			b.Fatal(err)
		}
		if err := invoice.Check(h, now, invoice.CheckOptions{CheckNIPs: true}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "invoices/s")
}

// BenchmarkSHA256 measures the share of BenchmarkParse that a faster scanner cannot reduce.
func BenchmarkSHA256(b *testing.B) {
	doc := eightKB()
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		sha256.Sum256(doc)
	}
}

// BenchmarkEncodingXML measures how the standard library reads the tokens of a document, without
// checking or keeping anything.
func BenchmarkEncodingXML(b *testing.B) {
	doc := eightKB()
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		d := xml.NewDecoder(bytes.NewReader(doc))
		for {
			if _, err := d.RawToken(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "invoices/s")
}

// BenchmarkParse_Attachment measures the largest possible document.
func BenchmarkParse_Attachment(b *testing.B) {
	doc := sample.Invoice(sample.Options{Attachment: true, PadTo: invoice.MaxSize, Seed: 1})
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := invoice.Parse(doc); err != nil {
			b.Fatal(err)
		}
	}
}
