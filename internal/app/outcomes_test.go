package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// byNumber returns the invoice with this number.
func byNumber(t *testing.T, invs []ledger.Invoice, number string) ledger.Invoice {
	t.Helper()
	for _, inv := range invs {
		if inv.Number == number {
			return inv
		}
	}
	t.Fatalf("no invoice of number %s", number)
	return ledger.Invoice{}
}

// archived reads a file from the archive.
func (p *pool) archived(name string) []byte {
	p.t.Helper()
	u, err := url.Parse(p.cfg.Archive.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(u.Path, filepath.FromSlash(name)))
	if err != nil {
		p.t.Fatal(err)
	}
	return data
}

func TestOutcomes_BadInvoices_AreRejectedWithKSeFsTextAndTheOthersGoThrough(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	p.work()
	nip := sample.NIP(0)
	docs := append(good(nip, 8), bad(nip, sample.MissingTotal, "BAD/1"), bad(nip, sample.UnknownKind, "BAD/2"))
	invs := p.wait(60*time.Second, p.admit(intake.Terms{}, docs...), ledger.Receipted, ledger.Rejected)
	p.balanced(8)
	for _, number := range []string{"BAD/1", "BAD/2"} {
		inv := byNumber(t, invs, number)
		if inv.State != ledger.Rejected || inv.Code != 450 || inv.Reason == "" {
			t.Errorf("%s is %s with code %d and reason %q, want rejected, 450 and KSeF's text", number, inv.State, inv.Code, inv.Reason)
		}
		if inv.KsefNumber != "" || inv.UPO != "" {
			t.Errorf("%s was rejected, but has number %q and UPO %q", number, inv.KsefNumber, inv.UPO)
		}
	}
}

func TestOutcomes_Receipted_TheArchiveHoldsDocumentResultAndReceipt(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	p.work()
	docs := append(good(sample.NIP(0), 6), bad(sample.NIP(0), sample.MissingTotal, "BAD/1"))
	invs := p.wait(60*time.Second, p.admit(intake.Terms{}, docs...), ledger.Receipted, ledger.Rejected)
	for i, inv := range invs {
		base := fmt.Sprintf("%s/%s/%s", inv.NIP, inv.IssueDate[:7], inv.ID)
		if got := p.archived(base + ".xml"); string(got) != string(docs[i].Data) {
			t.Errorf("%s: the archived document differs from what was handed in", inv.Number)
		}
		var r results.Result
		if err := json.Unmarshal(p.archived(base+".json"), &r); err != nil {
			t.Fatal(err)
		}
		if r.ID != inv.ID || r.State != string(inv.State) || r.KsefNumber != inv.KsefNumber || r.UPO != inv.UPO {
			t.Errorf("the result document %+v differs from the ledger: %+v", r, inv)
		}
		if inv.State != ledger.Receipted {
			continue
		}
		receipt, err := ksef.ParseReceipt(p.archived(fmt.Sprintf("%s/%s/upo/%s.xml", inv.NIP, inv.IssueDate[:7], inv.Session)))
		if err != nil {
			t.Fatal(err)
		}
		if line := receipt.Lines[inv.KsefNumber]; line.Hash != inv.Hash || line.Number != inv.Number {
			t.Errorf("the UPO says %+v of %s, want the hash %s and the invoice's number", line, inv.KsefNumber, inv.Hash)
		}
	}
	if n, err := p.base.Redis.Keys(t.Context(), "ksef:body:*").Result(); err != nil || len(n) != 1 {
		t.Errorf("Redis still holds the documents %v (error %v), want only that of the rejected invoice", n, err)
	}
}

func TestOutcomes_RejectedInvoiceCorrected_IsTakenInUnderTheSameNumber(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	p.work()
	nip := sample.NIP(0)
	p.wait(60*time.Second, p.admit(intake.Terms{}, bad(nip, sample.MissingTotal, "FV/1")), ledger.Rejected)
	taken := p.admit(intake.Terms{}, document(sample.Options{SellerNIP: nip, Number: "FV/1", Kind: "VAT"}))
	if taken[0].Taken != ledger.Created || taken[0].Invoice.Revision != 2 {
		t.Fatalf("the corrected document was %s as revision %d, want created as revision 2", taken[0].Taken, taken[0].Invoice.Revision)
	}
	p.wait(60*time.Second, taken, ledger.Receipted, ledger.Superseded)
	p.balanced(1)
}

func TestOutcomes_RejectionsWithoutNumbers_EachInvoiceGetsItsOwnReason(t *testing.T) {
	t.Parallel()
	o := quickSim
	o.Faults = []simulator.Fault{{Kind: simulator.OmitNumber, Lane: "batch"}}
	p := newPool(t, 1, o, nil)
	p.work()
	nip := sample.NIP(0)
	docs := append(good(nip, 6), bad(nip, sample.MissingTotal, "BAD/1"), bad(nip, sample.UnknownKind, "BAD/2"))
	invs := p.wait(60*time.Second, p.admit(intake.Terms{}, docs...), ledger.Receipted, ledger.Rejected)
	p.balanced(6)
	if n := p.sim.Books().Faults[simulator.OmitNumber]; n < 2 {
		t.Fatalf("%d numbers were withheld, want those of both bad invoices", n)
	}
	for _, number := range []string{"BAD/1", "BAD/2"} {
		if inv := byNumber(t, invs, number); inv.State != ledger.Rejected || inv.Code != 450 {
			t.Errorf("%s is %s with code %d, want rejected with 450", number, inv.State, inv.Code)
		}
	}
}

func TestOutcomes_RedisEmptied_SameExportRecoversTheNumbers(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	p.work()
	docs := good(sample.NIP(0), 20)
	before := p.wait(60*time.Second, p.admit(intake.Terms{}, docs...), ledger.Receipted)
	if err := p.base.Redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	after := p.wait(60*time.Second, p.admit(intake.Terms{}, docs...), ledger.Receipted)
	p.balanced(20)
	for i := range after {
		if after[i].KsefNumber != before[i].KsefNumber || !after[i].Recovered || after[i].UPO == "" {
			t.Errorf("%s came back as %s (recovered %v, UPO %q), want its KSeF number %s, recovered, with a receipt",
				after[i].Number, after[i].KsefNumber, after[i].Recovered, after[i].UPO, before[i].KsefNumber)
		}
	}
	if n := p.sim.Books().Requests["invoiceDownload"]; n != 0 {
		t.Errorf("%d invoices were downloaded one by one, although the receipt of the original session proves them all", n)
	}
}

func TestOutcomes_SameNumberOtherContentInKSeF_IsParkedAsConflictWithBothHashes(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	p.work()
	first := document(sample.Options{SellerNIP: sample.NIP(0), Number: "FV/1", Seed: 1})
	other := document(sample.Options{SellerNIP: sample.NIP(0), Number: "FV/1", Seed: 2})
	sent := p.wait(60*time.Second, p.admit(intake.Terms{}, first), ledger.Receipted)
	if err := p.base.Redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	inv := p.wait(60*time.Second, p.admit(intake.Terms{}, other), ledger.Parked)[0]
	p.balanced(1)
	for _, want := range []string{inv.Hash, sent[0].Hash, sent[0].KsefNumber, "conflict"} {
		if !strings.Contains(inv.Reason, want) {
			t.Errorf("reason %q does not name %q", inv.Reason, want)
		}
	}
}

// A key that may send need not have the permission to read invoices from KSeF. An invoice that can
// be proven only by reading is parked. The key is not wrong, so its tenant goes on.
func TestOutcomes_KeyMayNotRead_OnlyInvoicesThatNeedItAreParked(t *testing.T) {
	t.Parallel()
	o := quickSim
	o.Faults = []simulator.Fault{
		{Kind: simulator.WrongOriginal, Times: -1},
		{Kind: simulator.Forbidden, On: "metadata", Times: -1},
		{Kind: simulator.Forbidden, On: "invoiceGet", Times: -1},
	}
	p := newPool(t, 1, o, nil)
	p.work()
	docs := good(sample.NIP(0), 12)
	p.wait(60*time.Second, p.admit(intake.Terms{Lane: ledger.Express}, docs[0]), ledger.Receipted) // in a session of its own
	p.wait(60*time.Second, p.admit(intake.Terms{Lane: ledger.Bulk}, docs[1]), ledger.Receipted)
	if err := p.base.Redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	invs := p.wait(60*time.Second, p.admit(intake.Terms{Lane: ledger.Bulk}, docs[1:]...), ledger.Receipted, ledger.Parked)
	p.balanced(12)
	for i, inv := range invs {
		if parked := inv.State == ledger.Parked; parked != (i == 0) {
			t.Errorf("%s is %s (%s), want that only the first invoice is parked", inv.Number, inv.State, inv.Reason)
		}
	}
	if strings.Contains(p.log.String(), "credentials refused") {
		t.Error("the log says that credentials were refused, which pauses the tenant, although the key is right")
	}
}

func TestOutcomes_SingleInvoiceWithAttachment_GoesInAPackage(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	p.work()
	doc := document(sample.Options{SellerNIP: sample.NIP(0), Number: "A/1", Attachment: true, PadTo: 1_500_000})
	p.wait(60*time.Second, p.admit(intake.Terms{Lane: ledger.Express}, doc), ledger.Receipted)
	p.balanced(1)
	if n := p.sim.Books().Requests["invoiceSend"]; n != 0 {
		t.Errorf("%d single sends, want none: KSeF takes attachments in batch sessions only", n)
	}
}

func TestOutcomes_EncryptedStorage_RedisNeverHoldsContent(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		file := filepath.Join(t.TempDir(), "storage")
		c.Storage.KeyFile = config.Files{file}
		writeFile(t, file, strings.Repeat("k", 32))
	})
	docs := good(sample.NIP(0), 3)
	taken := p.admit(intake.Terms{}, docs...)
	raw, err := p.base.Ledger.Body(context.Background(), taken[0].Invoice.ID)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "Faktura") {
		t.Error("the stored document is readable without the key")
	}
	p.work()
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(3)
}
