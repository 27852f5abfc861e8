package records_test

import (
	"crypto/sha256"
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

func november26(number string) sample.Options {
	return sample.Options{SellerNIP: sample.NIP(0), Number: number, IssueDate: "2026-11-26"}
}

// The document of a lost result is not called lost, whatever a person looks for. The hash in the
// receipt proves that the two belong together.
func TestFindWithin_ResultIsGoneAndItsDocumentIsThere_BothAreNamed(t *testing.T) {
	k, dir := inFolder(t)
	nip := sample.NIP(0)
	first := k.invoice(november26("F/1"), "receipted", number(t, nip, 1))
	second := k.invoice(november26("F/2"), "receipted", number(t, nip, 2))
	k.receipt(first, second)
	result := archive.ResultName(nip, first.IssueDate, first.ID)
	receipt := archive.ReceiptName(nip, "2026-11-26", session)
	both := "its receipt (UPO) and its document are here, its result " + result + " is missing or damaged: session " + session +
		", receipt " + receipt
	for what, lose := range map[string]func(file string) error{
		"gone": os.Remove, "damaged": func(file string) error { return os.WriteFile(file, []byte("{"), 0o600) },
	} {
		whole, err := os.ReadFile(filepath.Join(dir, result))
		if err != nil {
			t.Fatal(err)
		}
		if err := lose(filepath.Join(dir, result)); err != nil {
			t.Fatal(err)
		}
		r := &records.Reader{Store: k.store}
		for _, name := range []string{"F/1", first.ID, first.KsefNumber} {
			found, did, err := r.FindWithin(t.Context(), name, records.Within{})
			if err != nil || len(found) > 0 || len(did.Attested) != 1 || did.Attested[0].String() != both {
				t.Errorf("%s, %s: found %+v, attested %v, %v, want nothing found, and attested: %s",
					what, name, found, did.Attested, err, both)
				continue
			}
			of, ok := did.Attested[0].Result()
			doc, err := r.Document(t.Context(), of)
			if !ok || err != nil || records.HashOf(doc) != first.Hash {
				t.Errorf("%s, %s: the document that is read has %d bytes, %v, want the document of F/1", what, name, len(doc), err)
			}
			if _, err := r.ReceiptOf(t.Context(), of); err != nil {
				t.Errorf("%s, %s: its receipt is not read: %v", what, name, err)
			}
		}
		var told []string
		err = r.EachWithin(t.Context(), november, func(results.Result) error { return nil }, func(a records.Attested) {
			told = append(told, a.String())
		})
		if err != nil || !slices.Equal(told, []string{both}) {
			t.Errorf("%s: by dates, reported are %q, %v, want %q", what, told, err, both)
		}
		if err := os.WriteFile(filepath.Join(dir, result), whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Another document under the name of the invoice's document proves nothing.
	remove(t, filepath.Join(dir, result))
	document := filepath.Join(dir, archive.InvoiceName(nip, first.IssueDate, first.ID))
	if err := os.WriteFile(document, []byte("<Faktura/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, did, err := (&records.Reader{Store: k.store}).FindWithin(t.Context(), "F/1", records.Within{})
	if err != nil || len(did.Attested) != 1 || did.Attested[0].Document != "" ||
		!strings.HasPrefix(did.Attested[0].String(), "its receipt (UPO) is here, its document is not: ") {
		t.Errorf("with another document: attested %v, %v, want the document called lost", did.Attested, err)
	}
}

// Only a recovered invoice names the receipt, so another program may have sent the session. But a
// document that is here was handed in here.
func TestEachWithin_ReceiptOfRecoveredInvoicesAndADocumentWithoutResult_IsReportedAsLost(t *testing.T) {
	k, dir := inFolder(t)
	nip := sample.NIP(0)
	recovered := k.invoice(november26("F/1"), "receipted", number(t, nip, 1), func(r *results.Result) { r.Recovered = true })
	lost := k.invoice(november26("F/2"), "receipted", number(t, nip, 2))
	elsewhere := recovered
	elsewhere.KsefNumber, elsewhere.Number = number(t, nip, 3), "F/3"
	k.receipt(recovered, lost, elsewhere)
	remove(t, filepath.Join(dir, archive.ResultName(nip, lost.IssueDate, lost.ID)))
	unsure := 0
	r := &records.Reader{Store: k.store, Unsure: func(_ string, lacking int) { unsure += lacking }}
	var told []string
	err := r.EachWithin(t.Context(), november, func(results.Result) error { return nil }, func(a records.Attested) {
		told = append(told, a.KsefNumber)
	})
	if err != nil || unsure != 1 || !slices.Equal(told, []string{lost.KsefNumber}) {
		t.Errorf("reported are %q, and %d are unsure, %v, want F/2 reported and F/3 unsure", told, unsure, err)
	}
}

// No receipt tells of the invoice. A search for its id names the missing result, so that nobody
// takes the invoice for one that never existed.
func TestFind_ResultIsGoneAndNoReceiptIsThere_ItsIDNamesTheResult(t *testing.T) {
	k, dir := inFolder(t)
	lost := k.invoice(november26("F/1"), "rejected", "")
	result := archive.ResultName(lost.NIP, lost.IssueDate, lost.ID)
	remove(t, filepath.Join(dir, result))
	want := []string{result}
	var told []string
	r := &records.Reader{Store: k.store, Unread: func(name string, _ error) { told = append(told, name) }}
	if found, err := r.Find(t.Context(), lost.ID); err != nil || len(found) > 0 || !slices.Equal(told, want) {
		t.Errorf("found %+v, reported %q, %v, want %q reported", found, told, err, want)
	}
	told = nil
	found, err := r.FindForgotten(t.Context(), lost.ID)
	if !errors.Is(err, archive.ErrCorrupt) || len(found) > 0 || !slices.Equal(told, want) {
		t.Errorf("FindForgotten: found %+v, reported %q, %v, want nothing found, ErrCorrupt, and %q reported", found, told, err, want)
	}
	told = nil
	const never = "inv-aaaaaaaaaaaaaaaaaaaaaaaa"
	for _, find := range []func() ([]results.Result, error){
		func() ([]results.Result, error) { return r.Find(t.Context(), never) },
		func() ([]results.Result, error) { return r.FindForgotten(t.Context(), never) },
	} {
		if found, err := find(); err != nil || len(found) > 0 || told != nil {
			t.Errorf("an id that never existed: found %+v, reported %q, %v, want nothing", found, told, err)
		}
	}
}

// KSeF has an invoice in other bytes than were handed in. The document with these bytes has a name
// of its own, and never has a result of its own. Such a document is not reported as lost.
func TestFind_DocumentOfOtherBytesHasNoResultOfItsOwn_IsNotReportedAsLost(t *testing.T) {
	k, _ := inFolder(t)
	nip, own := sample.NIP(0), ""
	here := k.invoice(november26("F/1"), "receipted", number(t, nip, 1), func(r *results.Result) {
		doc := append(sample.Invoice(november26("F/1")), '\n')
		r.Hash = records.HashOf(doc)
		own = ledger.InvoiceID(ledger.Identity{NIP: nip, Kind: r.Kind, Number: r.Number}, sha256.Sum256(doc))
		k.put(archive.InvoiceName(nip, r.IssueDate, own), doc)
	})
	k.receipt(here)
	r := &records.Reader{Store: k.store, Unread: func(name string, err error) { t.Errorf("%s is reported: %v", name, err) }}
	for _, name := range []string{own, here.ID, "F/1"} {
		found, did, err := r.FindWithin(t.Context(), name, records.Within{})
		if err != nil || len(found) != 1 || found[0].ID != here.ID || did.Attested != nil {
			t.Errorf("%s: found %+v, attested %v, %v, want the invoice", name, found, did.Attested, err)
		}
	}
}
