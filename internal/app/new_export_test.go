package app_test

import (
	"bytes"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// The ERP no longer has yesterday's files. It exports everything again, and each document has a new
// time of creation.
func TestOutcomes_RedisEmptied_NewExportOfTheSameInvoicesRecoversTheirNumbers(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
		t.Run(string(lane), func(t *testing.T) {
			t.Parallel()
			p := newPool(t, 1, quickSim, nil)
			p.work()
			docs := good(sample.NIP(0), 6)
			before := p.wait(60*time.Second, p.admit(intake.Terms{Lane: lane}, docs...), ledger.Receipted)
			var again []intake.Document
			for _, d := range docs {
				data := bytes.ReplaceAll(d.Data, []byte("T08:15:00Z<"), []byte("T09:30:00Z<"))
				if bytes.Equal(data, d.Data) {
					t.Fatal("the sample has no time of creation")
				}
				again = append(again, intake.Document{File: d.File, Data: data})
			}
			for i, a := range p.admit(intake.Terms{Lane: lane}, again...) {
				if a.Taken != ledger.Present || a.Invoice.ID != before[i].ID || a.Invoice.State != ledger.Receipted {
					t.Fatalf("an invoice that the ledger has came in a new export and is %+v, want it already here", a)
				}
			}
			if err := p.base.Redis.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			after := p.wait(60*time.Second, p.admit(intake.Terms{Lane: lane}, again...), ledger.Receipted)
			p.balanced(6)
			for i, inv := range after {
				if inv.KsefNumber != before[i].KsefNumber || !inv.Recovered || inv.Hash != before[i].Hash || inv.UPO == "" {
					t.Errorf("%s came back as %s (recovered %v, UPO %q), want its KSeF number %s, recovered, with a receipt",
						inv.Number, inv.KsefNumber, inv.Recovered, inv.UPO, before[i].KsefNumber)
				}
				if !bytes.Equal(p.archived(archive.InvoiceName(inv.NIP, inv.IssueDate, inv.ID)), docs[i].Data) {
					t.Errorf("%s: the archive does not have the bytes that KSeF has", inv.Number)
				}
			}
			if n := p.sim.Books().Requests["invoiceDownload"]; n != 0 {
				t.Errorf("%d invoices were downloaded, although the archive has them", n)
			}
		})
	}
}
