package records_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/archivetest"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
	"ksefworker/internal/sample"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kept is an archive that is filled as a worker fills it.
type kept struct {
	t     *testing.T
	store archive.Store
	moved string // in results, the address before the name of a receipt; "" is the address of store
}

func (k *kept) put(name string, data []byte) {
	k.t.Helper()
	if err := k.store.Put(k.t.Context(), name, data, ""); err != nil {
		k.t.Fatal(err)
	}
}

const session = "20261126-SB-2C3E6C8000-B675CF5D68-07"

// number returns a KSeF number of KSeF 2.0 with the right checksum.
func number(t *testing.T, nip string, n int) string {
	t.Helper()
	for crc := range 256 {
		text := fmt.Sprintf("%s-20261126-%012X-%02X", nip, n, crc)
		if _, err := invoice.ParseKsefNumber(text); err == nil {
			return text
		}
	}
	t.Fatal("no checksum fits")
	return ""
}

// invoice archives an invoice and its result.
func (k *kept) invoice(o sample.Options, state, ksefNumber string, change ...func(*results.Result)) results.Result {
	k.t.Helper()
	doc := sample.Invoice(o)
	h, err := invoice.Parse(doc)
	if err != nil {
		k.t.Fatal(err)
	}
	id := ledger.InvoiceID(ledger.Identity{NIP: h.SellerNIP, Kind: h.Kind, Number: h.Number}, h.Hash)
	r := results.Result{ID: id, NIP: h.SellerNIP, Number: h.Number, Kind: h.Kind, IssueDate: h.IssueDate, State: state,
		Hash: records.HashOf(doc), KsefNumber: ksefNumber}
	if ksefNumber != "" {
		r.UPO = k.store.URL(archive.ReceiptName(r.NIP, "2026-11-26", session))
		if k.moved != "" {
			r.UPO = k.moved + archive.ReceiptName(r.NIP, "2026-11-26", session)
		}
	}
	for _, c := range change {
		c(&r)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		k.t.Fatal(err)
	}
	k.put(archive.InvoiceName(r.NIP, r.IssueDate, id), doc)
	k.put(archive.ResultName(r.NIP, r.IssueDate, id), raw)
	return r
}

// receipt archives a UPO of some invoices of one seller.
func (k *kept) receipt(of ...results.Result) {
	k.t.Helper()
	var b strings.Builder
	b.WriteString(`<Potwierdzenie xmlns="http://upo.schematy.mf.gov.pl/KSeF/v4-3"><NumerReferencyjnySesji>` + session +
		`</NumerReferencyjnySesji>`)
	for _, r := range of {
		fmt.Fprintf(&b, `<Dokument><NipSprzedawcy>%s</NipSprzedawcy><NumerKSeFDokumentu>%s</NumerKSeFDokumentu>`+
			`<NumerFaktury>%s</NumerFaktury><DataWystawieniaFaktury>%s</DataWystawieniaFaktury>`+
			`<SkrotDokumentu>%s</SkrotDokumentu></Dokument>`, r.NIP, r.KsefNumber, r.Number, r.IssueDate, r.Hash)
	}
	b.WriteString(`</Potwierdzenie>`)
	k.put(archive.ReceiptName(of[0].NIP, "2026-11-26", session), []byte(b.String()))
}

func places(t *testing.T, test func(t *testing.T, k *kept)) {
	for name, url := range map[string]func(t *testing.T) string{
		"folder": func(t *testing.T) string { return "file://" + t.TempDir() + "/ż kept" },
		"bucket": func(t *testing.T) string { return archivetest.NewS3(t, "honoured").In("kept") },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := archive.Open(t.Context(), url(t), archive.Options{AccessKey: archivetest.AccessKey, SecretKey: archivetest.SecretKey})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			test(t, &kept{t: t, store: s})
		})
	}
}

func TestFind_EachName_FindsTheInvoiceWithoutALedger(t *testing.T) {
	places(t, func(t *testing.T, k *kept) {
		nip, other := sample.NIP(0), sample.NIP(1)
		// The receipt is in the month of its session, which is not that of the invoice.
		a := k.invoice(sample.Options{SellerNIP: nip, Number: "F/1", IssueDate: "2026-10-31"}, "receipted", number(t, nip, 1))
		b := k.invoice(sample.Options{
			SellerNIP: nip, Number: "F/2  x", IssueDate: "2026-11-26", Kind: "KOR",
		}, "receipted", number(t, nip, 2))
		c := k.invoice(sample.Options{SellerNIP: nip, Number: "F/3", IssueDate: "2026-11-26"}, "rejected", "")
		d := k.invoice(sample.Options{SellerNIP: other, Number: "F/3", IssueDate: "2026-11-26"}, "parked", "")
		// This invoice was accepted, and its receipt has not come.
		e := k.invoice(sample.Options{SellerNIP: other, Number: "F/5", IssueDate: "2026-09-01"}, "accepted", number(t, other, 5),
			func(r *results.Result) { r.UPO = "" })
		k.receipt(a, b)
		k.put("bodies/x", []byte("no place of a seller"))
		k.put("notes/2026-11/inv-x.json", []byte("{}"))
		k.put(nip+"/other/inv-x.json", []byte("{}"))
		r := &records.Reader{Store: k.store, Unread: func(name string, err error) { t.Errorf("%s was not read: %v", name, err) }}
		old := a.KsefNumber[:26] + "-" + a.KsefNumber[26:] // the spelling of KSeF 1.x
		for name, want := range map[string][]string{
			a.ID: {a.ID}, a.KsefNumber: {a.ID}, old: {a.ID},
			strings.ToLower(old): {a.ID}, strings.ToLower(e.KsefNumber): {e.ID}, " F/1 ": {a.ID},
			b.KsefNumber: {b.ID}, "F/2 x": {b.ID}, "F/3": {c.ID, d.ID}, e.KsefNumber: {e.ID}, "F/5": {e.ID},
			"F/4": nil, "": nil, "inv-none": nil, number(t, nip, 9): nil, number(t, sample.NIP(2), 1): nil,
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
	})
}

func TestDocument_OthersLieUnderItsName_TheOneWithTheHashIsReturned(t *testing.T) {
	places(t, func(t *testing.T, k *kept) {
		nip := sample.NIP(0)
		r := k.invoice(sample.Options{SellerNIP: nip, Number: "F/1", IssueDate: "2026-11-26"}, "receipted", number(t, nip, 1))
		doc := sample.Invoice(sample.Options{SellerNIP: nip, Number: "F/1", IssueDate: "2026-11-26"})
		reader := &records.Reader{Store: k.store}
		if got, err := reader.Document(t.Context(), r); err != nil || !bytes.Equal(got, doc) {
			t.Errorf("the document has %d bytes, %v, want the archived bytes", len(got), err)
		}
		// KSeF has the invoice in other bytes. The document with those bytes has the name that
		// follows from them, or the name of a copy.
		for i, theirs := range [][]byte{append(slices.Clone(doc), '\n'), append(slices.Clone(doc), ' ')} {
			recovered := r
			recovered.Hash = records.HashOf(theirs)
			if _, err := reader.Document(t.Context(), recovered); !errors.Is(err, archive.ErrNotFound) || !records.Missing(err) {
				t.Errorf("before the document is there, Document = %v, want ErrNotFound", err)
			}
			sum, _ := base64.StdEncoding.DecodeString(recovered.Hash)
			name := archive.InvoiceName(nip, r.IssueDate,
				ledger.InvoiceID(ledger.Identity{NIP: nip, Kind: r.Kind, Number: r.Number}, [32]byte(sum)))
			if i == 1 {
				name = archive.CopyName(archive.InvoiceName(nip, r.IssueDate, r.ID), 2)
			}
			k.put(name, theirs)
			if got, err := reader.Document(t.Context(), recovered); err != nil || !bytes.Equal(got, theirs) {
				t.Errorf("the document with the name %s has %d bytes, %v, want the bytes with the hash of the result", name, len(got), err)
			}
		}
	})
}

func TestReceipt_ArchiveWasMoved_IsFoundAtItsPlace(t *testing.T) {
	places(t, func(t *testing.T, k *kept) {
		reader := &records.Reader{Store: k.store}
		for i, before := range []string{"", "file:///mnt/old%20place/", "s3://old-bucket/a b/"} {
			k.moved = before
			nip := sample.NIP(i)
			r := k.invoice(sample.Options{SellerNIP: nip, Number: "F/1", IssueDate: "2026-11-26"}, "receipted", number(t, nip, 1))
			if _, err := reader.Receipt(t.Context(), r); !records.Missing(err) {
				t.Errorf("before the receipt is there, Receipt = %v, want an error that it is missing", err)
			}
			k.receipt(r)
			got, err := reader.Receipt(t.Context(), r)
			if line, ok := got.Parsed.Line(r.KsefNumber); err != nil || !ok || line.Hash != r.Hash {
				t.Errorf("with the address %q the receipt is %+v, %v, want that of the invoice", before, got.Parsed, err)
			}
		}
	})
	reader := &records.Reader{}
	if _, err := reader.Receipt(t.Context(), results.Result{}); !errors.Is(err, records.ErrNoReceipt) || !records.Missing(err) {
		t.Errorf("Receipt of a result without one = %v, want ErrNoReceipt", err)
	}
	if _, err := reader.Receipt(t.Context(), results.Result{UPO: "file:///upo.xml"}); !records.Missing(err) {
		t.Errorf("Receipt of a result whose address is no place of the archive = %v, want an error that it is missing", err)
	}
}

func TestResults_OneIsDamaged_ItsCopyStandsForItAndTheOthersAreRead(t *testing.T) {
	places(t, func(t *testing.T, k *kept) {
		nip := sample.NIP(0)
		var want []string
		for i := range 50 {
			o := sample.Options{SellerNIP: nip, Number: fmt.Sprintf("F/%d", i), IssueDate: "2026-11-26", Seed: uint64(i)}
			want = append(want, k.invoice(o, "receipted", number(t, nip, i)).ID)
		}
		slices.Sort(want)
		k.put(nip+"/2026-11/inv-damaged.json", []byte(`{"id":"inv-da`))
		k.put(nip+"/2026-11/inv-other.json", []byte(`{"id":"inv-x","state":"accepted"}`))
		k.put(nip+"/2026-11/inv-twice.json", []byte(`nonsense`))
		k.put(nip+"/2026-11/inv-twice.copy2.json", []byte(`{"id":"inv-twice","state":"accepted"}`))
		want = append(want, "inv-twice")
		slices.Sort(want)
		var got, bad []string
		r := &records.Reader{Store: k.store, Unread: func(name string, err error) {
			bad = append(bad, name)
			if sound := strings.HasSuffix(name, "/inv-twice.json"); errors.Is(err, records.ErrSoundCopy) != sound {
				t.Errorf("%s: the error %v is ErrSoundCopy: %v, want %v", name, err, !sound, sound)
			}
		}}
		found, err := r.Places(t.Context())
		if err != nil || len(found) != 1 || found[0] != (records.Place{NIP: nip, Month: "2026-11"}) {
			t.Fatalf("the places are %v, %v, want one", found, err)
		}
		err = r.Results(t.Context(), found[0], func(f results.Result) error { got = append(got, f.ID); return nil })
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("the results are %q (error %v), want %q", got, err, want)
		}
		if len(bad) != 3 {
			t.Errorf("the objects reported as unreadable are %q, want 3", bad)
		}
		full := errors.New("enough")
		if err := r.Results(t.Context(), found[0], func(results.Result) error { return full }); !errors.Is(err, full) {
			t.Errorf("Results = %v, want the error of yield", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := r.Find(ctx, "F/1"); !errors.Is(err, context.Canceled) {
			t.Errorf("Find with a context that has ended = %v, want its error", err)
		}
	})
}
