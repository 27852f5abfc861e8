package invoice_test

import (
	"testing"

	"ksefworker/internal/invoice"
	"ksefworker/internal/sample"
)

// Amount returns the gross and the currency that Parse reads, even when a document is cut off after
// P_15. The documents have few or many lines, and some have an attachment.
func TestAmount_AnyDocument_IsWhatParseReads(t *testing.T) {
	for seed := range uint64(50) {
		doc := sample.Invoice(sample.Options{Seed: seed, Attachment: seed%7 == 0, Lines: int(seed % 20)})
		want, err := invoice.Parse(doc)
		if err != nil || want.Gross == "" {
			t.Fatalf("Parse = %v, and the gross is %q", err, want.Gross)
		}
		for _, data := range [][]byte{doc, doc[:len(doc)-30]} {
			if gross, currency := invoice.Amount(data); gross != want.Gross || currency != want.Currency {
				t.Errorf("seed %d: the amount is %s %s, want %s %s", seed, gross, currency, want.Gross, want.Currency)
			}
		}
	}
	for _, bad := range []string{"", "<", "<Faktura/>", "no xml", "<?xml version='1.0'?><!DOCTYPE x><x/>"} {
		if gross, currency := invoice.Amount([]byte(bad)); gross != "" || currency != "" {
			t.Errorf("Amount of %q = %s %s, want nothing", bad, gross, currency)
		}
	}
}

func BenchmarkAmount(b *testing.B) {
	doc := sample.Invoice(sample.Options{Seed: 1, PadTo: 8 << 10})
	b.ReportAllocs()
	for b.Loop() {
		invoice.Amount(doc)
	}
}
