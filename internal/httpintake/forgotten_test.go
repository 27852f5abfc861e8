package httpintake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/results"
)

// receiptFor returns a receipt that lists one invoice.
func receiptFor(number, hash string) []byte {
	return fmt.Appendf(nil, `<Potwierdzenie xmlns="http://upo.schematy.mf.gov.pl/KSeF/v4-3"><Dokument><NipSprzedawcy>5265877635</NipSprzedawcy>`+
		`<NumerKSeFDokumentu>%s</NumerKSeFDokumentu><NumerFaktury>FV/1</NumerFaktury><DataWystawieniaFaktury>2026-11-23</DataWystawieniaFaktury>`+
		`<SkrotDokumentu>%s</SkrotDokumentu></Dokument></Potwierdzenie>`, number, hash)
}

// attested puts an invoice of tenant one into the archive, with its receipt. The ledger forgets it.
func (b *bench) attested(receipt func(of *results.Result) []byte) *results.Result {
	b.t.Helper()
	id := b.archivedAndGone(0, "FV/1", "")
	b.must(b.rdb.ZRem(b.t.Context(), "ksef:st:receipted", id).Err())
	found, err := b.o.Records.FindID(b.t.Context(), id)
	if b.must(err); len(found) != 1 {
		b.t.Fatalf("the archive has %d results of %s, want one", len(found), id)
	}
	of := &found[0]
	name := archive.ReceiptName(of.NIP, of.IssueDate, "20261123-SB-1")
	of.UPO = b.store.URL(name)
	raw, err := json.Marshal(of)
	b.must(err)
	b.must(b.store.Replace(b.t.Context(), archive.ResultName(of.NIP, of.IssueDate, id), raw, ""))
	b.must(b.store.Put(b.t.Context(), name, receipt(of), ""))
	return of
}

// The ledger forgets an invoice after ledger.retention. Its client still asks by the id and the
// links that it was given.
func TestInvoice_LedgerHasForgottenIt_IsShownFromTheArchiveToItsClientAlone(t *testing.T) {
	b := newBench(t, nil)
	of := b.attested(func(of *results.Result) []byte { return receiptFor(of.KsefNumber, of.Hash) })
	if a := b.call("GET", "/v1/invoices/"+of.ID, nil); a.status != http.StatusOK || a.body.State != "receipted" {
		t.Errorf("the invoice is answered with %d %s, want it receipted", a.status, a.raw)
	}
	for _, path := range []string{"/xml", "/upo", "/qr.png"} {
		b.want(b.call("GET", "/v1/invoices/"+of.ID+path, nil), http.StatusOK, "")
	}
	for _, verb := range []string{":retry", ":dismiss"} {
		b.want(b.call("POST", "/v1/invoices/"+of.ID+verb, nil), http.StatusConflict, "conflict")
	}
	for _, path := range []string{"", "/xml", "/upo", "/qr.png", "/pdf"} {
		other := b.call("GET", "/v1/invoices/"+of.ID+path, nil, "Authorization", "Bearer "+keyTwo)
		b.want(other, http.StatusNotFound, "not-found")
	}
	never := b.call("GET", "/v1/invoices/inv-aaaaaaaaaaaaaaaaaaaaaaaa", nil)
	b.want(never, http.StatusNotFound, "not-found")
	if !strings.HasSuffix(never.body.Detail, "among the results, documents and indexes of the archive") {
		t.Errorf("the answer does not say where the invoice was looked for: %s", never.raw)
	}
	// The words do not tell that another client has the invoice.
	if other := b.call("GET", "/v1/invoices/"+of.ID, nil, "Authorization", "Bearer "+keyTwo); other.body.Detail != never.body.Detail {
		t.Errorf("the answers about another client's invoice and about an unknown id differ: %s, %s", other.raw, never.raw)
	}
	polish := b.call("GET", "/v1/invoices/inv-aaaaaaaaaaaaaaaaaaaaaaaa", nil, "Accept-Language", "pl")
	if !strings.HasSuffix(polish.body.Detail, "ani wśród wyników, dokumentów i indeksów archiwum") {
		t.Errorf("the answer does not say in Polish where the invoice was looked for: %s", polish.raw)
	}
}

// The answer says that an invoice does not exist only if the whole archive could be asked.
// Otherwise the client might issue the invoice again.
func TestInvoice_LedgerHasForgottenItAndTheArchiveIsNotWhole_AbsenceIsNotClaimed(t *testing.T) {
	away := errors.New("the share is not mounted")
	var there error
	b := newBench(t, func(o *Options) { o.ArchiveThere = func(context.Context) error { return there } })
	of := b.attested(func(of *results.Result) []byte { return receiptFor(of.KsefNumber, of.Hash) })
	root := strings.TrimPrefix(b.store.URL(""), "file://")
	seller, result := filepath.Join(root, of.NIP), filepath.Join(root, archive.ResultName(of.NIP, of.IssueDate, of.ID))
	for what, lose := range map[string]func(){
		"its result is damaged":                func() { b.must(os.WriteFile(result, []byte("{"), 0o600)) },
		"its result is gone, not its document": func() { b.must(os.Remove(result)) },
		"its seller's folder is a file": func() {
			b.must(os.Rename(seller, seller+".aside"))
			b.must(os.WriteFile(seller, nil, 0o600))
		},
		"the share is away": func() {
			b.must(os.Rename(seller, seller+".aside"))
			there = away
		},
	} {
		t.Run(what, func(t *testing.T) {
			kept, err := os.ReadFile(result)
			b.must(err)
			lose()
			for _, path := range []string{"", "/xml", "/upo", "/qr.png"} {
				a := b.call("GET", "/v1/invoices/"+of.ID+path, nil)
				b.want(a, http.StatusServiceUnavailable, "unavailable")
				if !strings.Contains(a.body.Detail, "do not send the invoice in another way") {
					t.Errorf("the answer to %s does not warn: %s", path, a.raw)
				}
			}
			b.want(b.call("POST", "/v1/invoices/"+of.ID+":retry", nil), http.StatusServiceUnavailable, "unavailable")
			there = nil
			if _, err := os.Stat(seller + ".aside"); err == nil {
				b.must(os.RemoveAll(seller))
				b.must(os.Rename(seller+".aside", seller))
			}
			b.must(os.WriteFile(result, kept, 0o600))
			b.want(b.call("GET", "/v1/invoices/"+of.ID, nil), http.StatusOK, "")
		})
	}
}

// Under the name of the invoice's receipt, the archive has a different receipt, perhaps one of
// another tenant.
func TestUPO_ReceiptDoesNotAttestTheInvoice_IsNotGivenOut(t *testing.T) {
	for what, receipt := range map[string]func(of *results.Result) []byte{
		"another invoice":  func(of *results.Result) []byte { return receiptFor("7980332920-20261123-0100A0DB5B00-39", of.Hash) },
		"another document": func(of *results.Result) []byte { return receiptFor(of.KsefNumber, "x"+of.Hash[1:]) },
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t, nil)
			of := b.attested(receipt)
			a := b.call("GET", "/v1/invoices/"+of.ID+"/upo", nil)
			if b.want(a, http.StatusServiceUnavailable, "unavailable"); !strings.Contains(a.body.Detail, "missing or damaged") {
				t.Errorf("the answer does not say that the archive's copy is damaged: %s", a.raw)
			}
		})
	}
}

// When the archive should have a file, the answer says that the file is missing, not that it is no
// longer kept.
func TestXML_ArchiveHasLostIt_IsCalledMissingAndNotGone(t *testing.T) {
	b := newBench(t, nil)
	of := b.attested(func(of *results.Result) []byte { return receiptFor(of.KsefNumber, of.Hash) })
	folder := strings.TrimPrefix(b.store.URL(""), "file://")
	b.must(os.Remove(filepath.Join(folder, archive.InvoiceName(of.NIP, of.IssueDate, of.ID))))
	b.must(os.Remove(filepath.Join(folder, archive.ReceiptName(of.NIP, of.IssueDate, "20261123-SB-1"))))
	for _, path := range []string{"/xml", "/upo"} {
		a := b.call("GET", "/v1/invoices/"+of.ID+path, nil)
		if b.want(a, http.StatusServiceUnavailable, "unavailable"); !strings.Contains(a.body.Detail, "missing or damaged") {
			t.Errorf("the answer to %s does not say that the archive's copy is missing: %s", path, a.raw)
		}
	}
}
