package tasks_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// exportedAgain is the same invoice as an ERP exports it an hour later.
func exportedAgain(t *testing.T, doc []byte) []byte {
	t.Helper()
	second := bytes.ReplaceAll(doc, []byte("T08:15:00Z<"), []byte("T09:30:00Z<"))
	if bytes.Equal(second, doc) {
		t.Fatal("the document has no time of creation")
	}
	return second
}

// archivedReceipts lets a package's receipts be archived.
func (s *stage) archiveReceipts(w *actor, pkg string) {
	s.t.Helper()
	w.until(queue.KindReceipt, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageReceipted })
}

// stored reads what the archive has under the name of an invoice.
func (s *stage) stored(inv ledger.Invoice, id string) []byte {
	s.t.Helper()
	doc, err := s.store.Get(s.t.Context(), archive.InvoiceName(inv.NIP, inv.IssueDate, id))
	if err != nil {
		s.t.Fatal(err)
	}
	return doc
}

// Redis was lost, and the ERP exports again: another DataWytworzeniaFa in every document. KSeF has
// the first one, and calls the second a duplicate.
func TestRecover_ExportMadeAgain_IsAcceptedWithTheHashAndDocumentThatKSeFHas(t *testing.T) {
	notGiven := func([]byte, error) ([]byte, error) { return nil, refusedError("fetch") }
	for _, c := range []struct {
		why      string
		fault    string
		bend     func(*testClient)
		archived bool // the archive outlived Redis
		other    bool // something else differs, too
		want     ledger.State
		says     string
		final    ledger.State
		fetched  int // documents, from KSeF
	}{
		{why: "the archive has the original", archived: true, want: ledger.Accepted, final: ledger.Receipted},
		{
			why: "the archive has it, and KSeF gives none", archived: true,
			bend: func(client *testClient) { client.given = notGiven }, want: ledger.Accepted, final: ledger.Receipted,
		},
		{why: "the archive is new", want: ledger.Accepted, final: ledger.Receipted, fetched: 1},
		{
			why: "the receipt not given", bend: func(client *testClient) { client.upo = notGiven }, want: ledger.Accepted,
			final: ledger.Accepted, fetched: 1,
		},
		{
			why: "the original's reference is missing", fault: simulator.OmitOriginal, want: ledger.Accepted,
			final: ledger.Accepted, fetched: 1,
		},
		{
			why: "another invoice is named as the original", fault: simulator.WrongOriginal, archived: true,
			want: ledger.Accepted, final: ledger.Accepted, fetched: 2,
		},
		{
			why: "KSeF does not give the original", bend: func(client *testClient) { client.given = notGiven }, want: ledger.Parked,
			says: "KSeF does not give it, so the two could not be compared", final: ledger.Parked, fetched: 1,
		},
		{why: "other content", archived: true, other: true, want: ledger.Parked, says: "first difference: Fa/P_15", final: ledger.Parked},
		{
			why: "other content, the archive is new", other: true, want: ledger.Parked,
			says: "first difference: Fa/P_15", final: ledger.Parked, fetched: 1,
		},
		{
			why: "other content, found in the register", fault: simulator.OmitOriginal, other: true,
			want: ledger.Parked, says: "first difference: Fa/P_15", final: ledger.Parked, fetched: 1,
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			o := simulator.Options{}
			if c.fault != "" {
				o.Faults = []simulator.Fault{{Kind: c.fault}}
			}
			s := newStage(t, o)
			client := s.client()
			w := s.worker("w", client)
			first := s.seeded("A/1", 1)
			b, a := s.admit(ledger.Bulk, s.seeded("B/1", 7)), ledger.Invoice{}
			for _, inv := range []*ledger.Invoice{&b, &a} {
				if inv == &a {
					a = s.admit(ledger.Bulk, first)
				}
				pkg := s.sent(w, *inv)
				w.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
				if c.archived {
					s.archiveReceipts(w, pkg)
				}
				*inv = s.read(inv.ID)
			}
			if err := s.rdb.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			fetched := 0
			if c.bend != nil {
				c.bend(client)
			}
			bent := client.given
			client.given = func(doc []byte, err error) ([]byte, error) {
				fetched++
				if bent != nil {
					return bent(doc, err)
				}
				return doc, err
			}
			second := exportedAgain(t, first)
			if c.other {
				second = bytes.Replace(second, []byte("<P_15>"), []byte("<P_15>1"), 1)
			}
			id := s.admit(ledger.Bulk, second).ID
			pkg := s.sent(w, ledger.Invoice{Facts: ledger.Facts{ID: id}, Lane: ledger.Bulk})
			inv, looks := s.final(w, pkg, id)
			if inv.State != c.want || looks > 100 || !strings.Contains(inv.Reason, c.says) {
				t.Fatalf("after %d looks it is %s: %s", looks, inv.State, inv.Reason)
			}
			w.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
			_ = w.run(queue.KindReceipt, pkg)
			s.advance(2 * time.Hour)
			_ = w.run(queue.KindReceipt, pkg)
			inv = s.read(id)
			if inv.State != c.final {
				t.Errorf("in the end it is %s: %s", inv.State, inv.Reason)
			}
			if fetched != c.fetched {
				t.Errorf("KSeF was asked for %d documents, want %d", fetched, c.fetched)
			}
			if n := len(s.sim.Books().Accepted); n != 2 {
				t.Errorf("KSeF accepted %d invoices, want the two from before", n)
			}
			if c.want == ledger.Parked {
				if !strings.Contains(inv.Reason, inv.Hash) || !strings.Contains(inv.Reason, a.Hash) || !strings.Contains(inv.Reason, "only another sale needs another number") {
					t.Errorf("reason %q", inv.Reason)
				}
				if !bytes.Equal(s.stored(inv, id), second) {
					t.Error("the archive does not have the document that is parked")
				}
				return
			}
			if inv.KsefNumber != a.KsefNumber || !inv.Recovered || inv.Hash != a.Hash {
				t.Errorf("it is accepted as %s with hash %s, KSeF has %s with %s", inv.KsefNumber, inv.Hash, a.KsefNumber, a.Hash)
			}
			if !bytes.Equal(s.stored(inv, id), first) {
				t.Error("the archive does not have the bytes that KSeF has")
			}
			sum := sha256.Sum256(first)
			if r := s.result(inv); r.Hash != a.Hash || !strings.Contains(r.VerificationURL, base64.RawURLEncoding.EncodeToString(sum[:])) {
				t.Errorf("the archive says %+v", r)
			}
			// Each of the two exports is the same invoice from now on.
			for _, doc := range [][]byte{first, second} {
				if got := s.admit(ledger.Bulk, doc); got.ID != id || got.State != inv.State {
					t.Errorf("handed in again: %+v", got)
				}
			}
		})
	}
}

func TestRecover_WholeExportMadeAgain_TheArchiveProvesAllWithoutAskingForADocument(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	w := s.worker("w", client)
	var docs [][]byte
	var all []ledger.Invoice
	for i := range 200 {
		docs = append(docs, s.seeded(fmt.Sprint("A/", i), uint64(i)))
		all = append(all, s.admit(ledger.Bulk, docs[i]))
	}
	first := s.sent(w, all...)
	w.until(queue.KindConfirm, first, func() bool { return s.pkg(first).State == ledger.PackageSettled })
	s.archiveReceipts(w, first)
	before := s.read(all[17].ID)
	if err := s.rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	var again []ledger.Invoice
	for _, doc := range docs {
		again = append(again, s.admit(ledger.Bulk, exportedAgain(t, doc)))
	}
	second := s.sent(w, again...)
	w.until(queue.KindConfirm, second, func() bool { return s.pkg(second).State == ledger.PackageSettled })
	s.archiveReceipts(w, second)
	for _, inv := range again {
		if got := s.read(inv.ID); got.State != ledger.Receipted {
			t.Fatalf("%s is %s: %s", got.Number, got.State, got.Reason)
		}
	}
	if got := s.read(again[17].ID); got.KsefNumber != before.KsefNumber || got.Hash != before.Hash || got.UPO != before.UPO {
		t.Errorf("it is %s with %s and %s, was %s with %s and %s", got.KsefNumber, got.Hash, got.UPO, before.KsefNumber, before.Hash, before.UPO)
	}
	if n := s.sim.Books().Requests["invoiceDownload"]; n != 0 {
		t.Errorf("%d documents were asked for", n)
	}
}

// Before the two were compared, ours was archived as that of a conflict, and a person let it try
// again.
func TestRecover_OursIsArchivedUnderItsName_KSeFsDocumentIsKeptBesideIt(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	w := s.worker("w", client)
	first := s.seeded("A/1", 1)
	original := s.known(w, first)[0]
	second := exportedAgain(t, first)
	client.given = func([]byte, error) ([]byte, error) { return nil, refusedError("fetch") }
	inv := s.admit(ledger.Bulk, second)
	pkg := s.sent(w, inv)
	s.final(w, pkg, inv.ID)
	w.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
	s.archiveReceipts(w, pkg)
	parked := s.read(inv.ID)
	if parked.State != ledger.Parked || !bytes.Equal(s.stored(inv, inv.ID), second) {
		t.Fatalf("it is %s: %s", parked.State, parked.Reason)
	}
	client.given = nil
	if err := s.ledger.Retry(t.Context(), &parked); err != nil {
		t.Fatal(err)
	}
	pkg = s.sent(w, ledger.Invoice{Facts: ledger.Facts{ID: inv.ID}, Lane: ledger.Bulk})
	s.final(w, pkg, inv.ID)
	w.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
	s.archiveReceipts(w, pkg)
	if got := s.read(inv.ID); got.State != ledger.Receipted || got.Hash != original.Hash {
		t.Errorf("it is %s: %s", got.State, got.Reason)
	}
	if !bytes.Equal(s.stored(inv, original.ID), first) || !bytes.Equal(s.stored(inv, inv.ID), second) {
		t.Error("the archive does not have both documents, each under its name")
	}
}

// sick is a store that fails for some names.
type sickStore struct {
	archive.Store
	fails func(verb, name string) bool
}

func (s *sickStore) Get(ctx context.Context, name string) ([]byte, error) {
	if s.fails("get", name) {
		return nil, errors.New("the store is sick")
	}
	return s.Store.Get(ctx, name)
}

func (s *sickStore) Put(ctx context.Context, name string, data []byte, contentType string) error {
	if s.fails("put", name) {
		return errors.New("the store is sick")
	}
	return s.Store.Put(ctx, name, data, contentType)
}

func TestRecover_ArchiveCannotGiveOrTakeTheOriginal_KSeFsDecidesAllTheSame(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	w := s.worker("w", client)
	first := s.seeded("A/1", 1)
	original := s.known(w, first)[0]
	ill := true
	s.store = &sickStore{s.store, func(_, name string) bool { return ill && strings.HasSuffix(name, original.ID+".xml") }}
	w = s.worker("v", client)
	inv := s.admit(ledger.Bulk, exportedAgain(t, first))
	pkg := s.sent(w, inv)
	if got, _ := s.final(w, pkg, inv.ID); got.State != ledger.Accepted || got.Hash != original.Hash {
		t.Fatalf("it is %s: %s", got.State, got.Reason)
	}
	// What is in Redis still is what was handed in, and the archive has nothing of it: it is the
	// same invoice all the same.
	third := bytes.ReplaceAll(first, []byte("T08:15:00Z<"), []byte("T10:45:00Z<"))
	if got := s.admit(ledger.Bulk, third); got.ID != inv.ID || got.State != ledger.Accepted {
		t.Errorf("exported once more: %+v", got)
	}
	ill = false
	w.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
	s.archiveReceipts(w, pkg)
	if !bytes.Equal(s.stored(inv, inv.ID), first) {
		t.Error("the archive does not have the bytes that KSeF has")
	}
}

func TestRecover_OneOriginalCannotBeHad_TheOthersAreDecided(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	w := s.worker("w", client)
	var docs [][]byte
	var all []ledger.Invoice
	for i := range 12 {
		docs = append(docs, s.seeded(fmt.Sprint("A/", i), uint64(i)))
		all = append(all, s.admit(ledger.Bulk, docs[i]))
	}
	first := s.sent(w, all...)
	w.until(queue.KindConfirm, first, func() bool { return s.pkg(first).State == ledger.PackageSettled })
	if err := s.rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	well, sick := false, []byte(nil) // the first that is asked for
	client.given = func(doc []byte, err error) ([]byte, error) {
		if sick == nil {
			sick = doc
		}
		if !well && bytes.Equal(doc, sick) {
			return nil, &ksef.APIError{Op: "fetch", Kind: ksef.KindOutage, Status: 500}
		}
		return doc, err
	}
	var again []ledger.Invoice
	for _, doc := range docs {
		again = append(again, s.admit(ledger.Bulk, exportedAgain(t, doc)))
	}
	pkg := s.sent(w, again...)
	left := func() (left []string) {
		for _, inv := range again {
			if s.read(inv.ID).State != ledger.Accepted {
				left = append(left, inv.Number)
			}
		}
		return left
	}
	// The list of a session is read when it is processed. From then on one round is enough.
	w.until(queue.KindConfirm, pkg, func() bool { return sick != nil })
	last := w.run(queue.KindConfirm, pkg)
	if left := left(); len(left) != 1 {
		t.Fatalf("%v are not accepted: %v", left, last)
	}
	if number := left()[0]; !bytes.Contains(sick, []byte("<P_2>"+number+"<")) {
		t.Errorf("%s is left", number)
	}
	if v := retry.Judge(last); v.Action == "" || v.Action == retry.Never {
		t.Errorf("the package is done with: %v", last)
	}
	well = true
	w.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
	if left := left(); len(left) > 0 {
		t.Errorf("%v are not accepted", left)
	}
}
