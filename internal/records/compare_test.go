package records_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
	"ksefworker/internal/sample"
)

// search looks for a name. It returns the ids that were found, and the KSeF numbers of invoices
// that only receipts tell of.
func (k *kept) search(name string) (ids, lost []string) {
	k.t.Helper()
	found, did, err := (&records.Reader{Store: k.store}).FindWithin(k.t.Context(), name, records.Within{})
	if err != nil {
		k.t.Fatal(err)
	}
	for _, f := range found {
		ids = append(ids, f.ID)
	}
	for _, a := range did.Attested {
		lost = append(lost, a.KsefNumber)
	}
	slices.Sort(ids)
	return ids, lost
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestFindWithin_OtherInvoicesHaveTheNumber_TheLostOneIsReported(t *testing.T) {
	k, dir := inFolder(t)
	_, in := k.bundled("2026-11-26", "F/1", "F/2", "F/3")
	k.receipt(in...)
	other := k.invoice(sample.Options{SellerNIP: sample.NIP(1), Number: "F/1", IssueDate: "2026-11-26"},
		"receipted", number(t, sample.NIP(1), 1))
	k.receipt(other)
	// F/2 was rejected, then retried and accepted. Its id is the same, and its older result is
	// still there.
	old := in[1]
	old.State, old.KsefNumber, old.UPO = "rejected", "", ""
	raw, err := json.Marshal(old)
	if err != nil {
		t.Fatal(err)
	}
	k.put(archive.ResultName(old.NIP, old.IssueDate, old.ID), raw)
	both := []string{in[0].ID, other.ID}
	slices.Sort(both)
	found, lost := k.search("F/1")
	same(t, "F/1 finds both invoices", found, both)
	same(t, "lost invoices of F/1, before the package is removed", lost, nil)

	remove(t, filepath.Join(dir, "*", "*", "packages", "*", "*"))
	found, lost = k.search("F/1")
	same(t, "F/1 finds the invoice of another seller", found, []string{other.ID})
	same(t, "lost invoices of F/1", lost, []string{in[0].KsefNumber})
	found, lost = k.search("F/2")
	same(t, "F/2 finds its older result", found, []string{in[1].ID})
	same(t, "lost invoices of F/2", lost, []string{in[1].KsefNumber})
	found, lost = k.search(in[2].ID)
	same(t, "the id of F/3 finds", found, nil)
	same(t, "lost invoices of the id of F/3", lost, []string{in[2].KsefNumber})
	found, lost = k.search(other.KsefNumber)
	same(t, "the KSeF number of an invoice that is there finds", found, []string{other.ID})
	same(t, "lost invoices of the KSeF number of an invoice that is there", lost, nil)
}

// A receipt and the index of a missing ZIP name an invoice, so the archive had the invoice and has
// lost it. When KSeF and the result write the number of an invoice differently, the invoice is
// found by both numbers, and is not lost.
func TestFindWithin_ZIPIsMissingAndItsIndexIsThere_InvoiceIsReportedAsLost(t *testing.T) {
	k, dir := inFolder(t)
	_, in := k.bundled("2026-11-26", "F/1")
	other := k.invoice(sample.Options{SellerNIP: sample.NIP(1), Number: "F 2", IssueDate: "2026-11-26"},
		"receipted", number(t, sample.NIP(1), 1))
	k.receipt(in[0])
	written := other
	written.Number = "F/1"
	k.receipt(written)
	remove(t, filepath.Join(dir, "*", "*", "packages", "*", "*.zip"))
	for name, want := range map[string]struct{ found, lost []string }{
		"F/1": {[]string{other.ID}, []string{in[0].KsefNumber}}, "F 2": {[]string{other.ID}, nil},
		in[0].KsefNumber: {nil, []string{in[0].KsefNumber}}, in[0].ID: {nil, []string{in[0].KsefNumber}},
	} {
		found, lost := k.search(name)
		same(t, name, found, want.found)
		same(t, name+", lost invoices", lost, want.lost)
	}
}

func TestFindWithin_ReceiptOfAnotherProgramsSession_IsReportedOnlyWhenNothingIsFound(t *testing.T) {
	k, _ := inFolder(t)
	nip := sample.NIP(0)
	here := k.invoice(sample.Options{SellerNIP: nip, Number: "F/1", IssueDate: "2026-11-26"}, "receipted", number(t, nip, 1),
		func(r *results.Result) { r.Recovered = true })
	elsewhere := here
	elsewhere.KsefNumber, elsewhere.Number = number(t, nip, 2), "F/2"
	k.receipt(here, elsewhere)
	found, lost := k.search("F/2")
	same(t, "F/2 finds", found, nil)
	same(t, "lost invoices when F/2 finds nothing", lost, []string{elsewhere.KsefNumber})
	other := k.invoice(sample.Options{SellerNIP: sample.NIP(1), Number: "F/2", IssueDate: "2026-11-26"}, "rejected", "")
	found, lost = k.search("F/2")
	same(t, "F/2 finds", found, []string{other.ID})
	same(t, "lost invoices when F/2 finds another invoice", lost, nil)
}

// The invoice that a person looks for may be in the missing part of the receipt.
func TestFindWithin_ReceiptIsNotWhole_IsNamedWhateverIsLookedFor(t *testing.T) {
	k, dir := inFolder(t)
	nip := sample.NIP(0)
	here := k.invoice(sample.Options{SellerNIP: nip, Number: "F/1", IssueDate: "2026-11-26"}, "receipted", number(t, nip, 1))
	k.receipt(here)
	file := filepath.Join(dir, archive.ReceiptName(nip, "2026-11-26", session))
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	absent := number(t, nip, 2)
	for what, raw := range map[string][]byte{
		"empty": nil, "cut": whole[:len(whole)/2], "zeros": append(make([]byte, len(whole)-20), whole[len(whole)-20:]...),
	} {
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		var bad []string
		r := &records.Reader{Store: k.store, Unread: func(name string, err error) {
			if errors.Is(err, records.ErrSoundCopy) != strings.HasPrefix(what, "copy") {
				t.Errorf("%s: the error is %v, want ErrSoundCopy only beside a sound copy", what, err)
			}
			bad = append(bad, filepath.Base(name))
		}}
		if _, err := r.Find(t.Context(), absent); err != nil || !slices.Equal(bad, []string{session + ".xml"}) {
			t.Errorf("%s: the receipts that could not be read are %q, %v, want one", what, bad, err)
		}
		what, bad = "copy of "+what, nil
		copied := archive.CopyName(archive.ReceiptName(nip, "2026-11-26", session), 2)
		k.put(copied, whole)
		if _, err := r.Find(t.Context(), absent); err != nil || len(bad) != 1 {
			t.Errorf("%s: the receipts that could not be read are %q, %v, want one", what, bad, err)
		}
		remove(t, filepath.Join(dir, copied))
	}
}

func TestResults_DocumentIsGone_IsReportedForAcceptedInvoices(t *testing.T) {
	k, dir := inFolder(t)
	nip := sample.NIP(0)
	k.bundled("2026-11-26", "B/1")
	gone := k.invoice(sample.Options{SellerNIP: nip, Number: "F/1", IssueDate: "2026-11-26"}, "receipted", number(t, nip, 1))
	k.invoice(sample.Options{SellerNIP: nip, Number: "F/2", IssueDate: "2026-11-26"}, "receipted", number(t, nip, 2))
	// KSeF has rejected this invoice, and its buyer asked to have the document removed.
	rejected := k.invoice(sample.Options{SellerNIP: nip, Number: "F/3", IssueDate: "2026-11-26"}, "rejected", "")
	// KSeF has this invoice in other bytes than were handed in. The document with these bytes has
	// a name of its own.
	other := k.invoice(sample.Options{SellerNIP: nip, Number: "F/4", IssueDate: "2026-11-26"}, "receipted", number(t, nip, 4),
		func(r *results.Result) {
			doc := append(sample.Invoice(sample.Options{SellerNIP: nip, Number: "F/4", IssueDate: "2026-11-26"}), '\n')
			r.Hash = records.HashOf(doc)
			k.put(archive.InvoiceName(nip, r.IssueDate,
				ledger.InvoiceID(ledger.Identity{NIP: nip, Kind: r.Kind, Number: r.Number}, sha256.Sum256(doc))), doc)
		})
	for _, r := range []results.Result{gone, rejected, other} {
		remove(t, filepath.Join(dir, archive.InvoiceName(nip, r.IssueDate, r.ID)))
	}
	listed := func() (n int, told []string) {
		r := &records.Reader{Store: k.store, NoDocument: func(of results.Result, err error) {
			if !records.Missing(err) {
				t.Errorf("the document of %s should be reported as missing: %v", of.Number, err)
			}
			told = append(told, of.Number)
		}}
		err := r.EachWithin(t.Context(), november, func(results.Result) error { n++; return nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
		return n, told
	}
	if n, told := listed(); n != 5 || !slices.Equal(told, []string{"F/1"}) {
		t.Errorf("%d results, of which %q lack their documents, want 5 and F/1", n, told)
	}
	// A person took the documents out of the ZIP. Its index is gone, so it is made again from
	// the ZIP.
	remove(t, filepath.Join(dir, "*", "*", "packages", "*", "*.jsonl"))
	withoutDocuments(t, filepath.Join(dir, "*", "*", "packages", "*", "*.zip"))
	if n, told := listed(); n != 5 || !slices.Equal(told, []string{"B/1", "F/1"}) {
		t.Errorf("%d results, of which %q lack their documents, want 5, and B/1 and F/1", n, told)
	}
}

// withoutDocuments takes the documents out of a ZIP.
func withoutDocuments(t *testing.T, pattern string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) != 1 {
		t.Fatalf("the pattern %s finds the files %v, %v, want one", pattern, names, err)
	}
	from, err := zip.OpenReader(names[0])
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	var out bytes.Buffer
	to := zip.NewWriter(&out)
	for _, f := range from.File {
		if filepath.Ext(f.Name) != ".xml" {
			if err := to.Copy(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(to.Close(), os.WriteFile(names[0], out.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}
