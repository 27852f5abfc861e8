package records_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
	"ksefworker/internal/sample"
)

// bundled archives invoices in a bundle of the given day, as a worker does.
func (k *kept) bundled(day string, numbers ...string) (docs [][]byte, all []results.Result) {
	k.t.Helper()
	return k.bundledFrom(100, day, numbers...)
}

// bundledFrom is bundled with KSeF numbers that count from the given one.
func (k *kept) bundledFrom(first int, day string, numbers ...string) (docs [][]byte, all []results.Result) {
	k.t.Helper()
	entries := make([]bundle.Entry, len(numbers))
	for i, number_ := range numbers {
		doc := sample.Invoice(sample.Options{Number: number_, IssueDate: "2026-11-25"})
		h, err := invoice.Parse(doc)
		if err != nil {
			k.t.Fatal(err)
		}
		r := results.Result{NIP: h.SellerNIP, Number: h.Number, Kind: h.Kind, IssueDate: h.IssueDate, State: "receipted",
			ID:   ledger.InvoiceID(ledger.Identity{NIP: h.SellerNIP, Kind: h.Kind, Number: h.Number}, h.Hash),
			Hash: records.HashOf(doc), KsefNumber: number(k.t, h.SellerNIP, first+i),
			UPO: k.store.URL(archive.ReceiptName(h.SellerNIP, "2026-11-26", session))}
		raw, err := json.Marshal(r)
		if err != nil {
			k.t.Fatal(err)
		}
		entries[i], err = bundle.Compress(bundle.Invoice{ID: r.ID, Number: r.Number, KsefNumber: r.KsefNumber, IssueDate: r.IssueDate,
			Hash: r.Hash, Document: doc, Result: raw})
		if err != nil {
			k.t.Fatal(err)
		}
		docs, all = append(docs, doc), append(all, r)
	}
	b, err := bundle.Make(entries)
	if err != nil {
		k.t.Fatal(err)
	}
	name := b.Name(sample.NIP(0), "2026-11", day, "pkg-x")
	index, lines, err := b.Index(name)
	if err != nil {
		k.t.Fatal(err)
	}
	k.put(name, b.ZIP)
	k.put(index, lines)
	return docs, all
}

func TestFind_InvoicesInBundlesAndByThemselves_AllAreFound(t *testing.T) {
	places(t, func(t *testing.T, k *kept) {
		nip := sample.NIP(0)
		docs, in := k.bundled("2026-11-26", "B/1", "B/2", "F/1")
		alone := k.invoice(sample.Options{SellerNIP: sample.NIP(1), Number: "F/1", IssueDate: "2026-11-26"},
			"receipted", number(t, sample.NIP(1), 1))
		rejected := k.invoice(sample.Options{SellerNIP: nip, Number: "F/9", IssueDate: "2026-10-26"}, "rejected", "")
		k.receipt(append(slices.Clone(in), alone)...)
		r := &records.Reader{Store: k.store, Unread: func(name string, err error) { t.Errorf("%s was not read: %v", name, err) }}
		for name, want := range map[string][]string{
			in[0].ID: {in[0].ID}, "B/2": {in[1].ID}, in[1].KsefNumber: {in[1].ID}, "F/1": {in[2].ID, alone.ID},
			alone.KsefNumber: {alone.ID}, "F/9": {rejected.ID}, "B/3": nil, rejected.ID: {rejected.ID},
		} {
			found, err := r.Find(t.Context(), name)
			var ids []string
			for _, f := range found {
				ids = append(ids, f.ID)
			}
			slices.Sort(ids)
			slices.Sort(want)
			if err != nil || !slices.Equal(ids, want) {
				t.Errorf("the name %q finds %v, %v; want %v", name, ids, err, want)
			}
		}
		for i := range in {
			if doc, err := r.Document(t.Context(), in[i]); err != nil || !bytes.Equal(doc, docs[i]) {
				t.Errorf("the document of %s has %d bytes, %v, want the archived one", in[i].Number, len(doc), err)
			}
		}
		if upo, err := r.Receipt(t.Context(), in[0]); err != nil || len(upo.Raw) == 0 {
			t.Errorf("the receipt of the bundled invoice has %d bytes, %v, want more than 0", len(upo.Raw), err)
		}
		for month, want := range map[string]int{"2026-11": 3, "2026-10": 1, "2026-09": 0} {
			got := 0
			err := r.Results(t.Context(), records.Place{NIP: nip, Month: month}, func(results.Result) error { got++; return nil })
			if err != nil || got != want {
				t.Errorf("%s has %d results, %v; want %d", month, got, err, want)
			}
		}
	})
}

// An invoice was parked and is accepted later. The result from when it was parked stays in the
// archive as an object of its own. Results returns the invoice once, with its final result.
func TestResults_OneIsInABundleToo_ComesOnceAndFinal(t *testing.T) {
	places(t, func(t *testing.T, k *kept) {
		_, in := k.bundled("2026-11-26", "B/1", "B/2")
		old := in[0]
		old.State, old.KsefNumber = "parked", ""
		raw, err := json.Marshal(old)
		if err != nil {
			t.Fatal(err)
		}
		k.put(archive.ResultName(old.NIP, old.IssueDate, old.ID), raw)
		r := &records.Reader{Store: k.store}
		var got []string
		err = r.Results(t.Context(), records.Place{NIP: old.NIP, Month: "2026-11"}, func(f results.Result) error {
			got = append(got, f.Number+" "+f.State)
			return nil
		})
		slices.Sort(got)
		if err != nil || fmt.Sprint(got) != "[B/1 receipted B/2 receipted]" {
			t.Errorf("the results are %v, %v, want B/1 and B/2, both receipted", got, err)
		}
		if found, err := r.Find(t.Context(), old.ID); err != nil || len(found) != 1 || found[0].State != "receipted" {
			t.Errorf("the id finds %+v, %v, want one receipted result", found, err)
		}
	})
}

func TestFindWithin_IssueDates_BoundWhatIsReadAndFound(t *testing.T) {
	places(t, func(t *testing.T, k *kept) {
		nip := sample.NIP(0)
		_, in := k.bundled("2026-11-26", "F/1")
		october := k.invoice(sample.Options{SellerNIP: nip, Number: "F/1", IssueDate: "2026-10-20", Kind: "KOR"}, "rejected", "")
		r := &records.Reader{Store: k.store}
		for _, c := range []struct {
			from, to string
			ids      []string
			places   int
		}{
			{"2026-11-01", "", []string{in[0].ID}, 1},
			{"2026-11-01", "2026-11-24", nil, 1}, // the month is read, and its invoice is of the 25th
			{"", "2026-10-31", []string{october.ID}, 1},
			{"2026-10-21", "2026-10-31", nil, 1},
			{"2027-01-01", "", nil, 0},
			{"", "", []string{in[0].ID, october.ID}, 2}, // the invoice in the bundle does not hide the other invoice
		} {
			found, did, err := r.FindWithin(t.Context(), "F/1", records.Within{From: c.from, To: c.to})
			var ids []string
			for _, f := range found {
				ids = append(ids, f.ID)
			}
			if err != nil || !slices.Equal(ids, c.ids) || did.Places != c.places {
				t.Errorf("%s to %s: found %v, read %+v (error %v), want %v found and %d months read",
					c.from, c.to, ids, did, err, c.ids, c.places)
			}
		}
	})
}
