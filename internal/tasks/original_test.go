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

// stored reads the archived document with this id. It lies under the taxpayer and the month of inv.
func (en *entries) stored(inv ledger.Invoice, id string) []byte {
	en.t.Helper()
	doc, err := en.store.Get(en.t.Context(), archive.InvoiceName(inv.NIP, inv.IssueDate, id))
	if err != nil {
		en.t.Fatal(err)
	}
	return doc
}

// Redis was lost, and the ERP exports again, with another DataWytworzeniaFa in every document. KSeF
// has the first document, and calls the second a duplicate.
func TestRecover_ExportedAgain_AcceptedWithTheHashAndDocumentOfKSeF(t *testing.T) {
	for _, c := range []struct {
		why      string
		fault    string
		change   func(*testClient)
		archived bool // the archive has the original
		other    bool // something else differs as well
		want     ledger.State
		says     string
		final    ledger.State
		fetched  int // documents that were fetched from KSeF
	}{
		{why: "the archive has the original", archived: true, want: ledger.Accepted, final: ledger.Receipted},
		{
			why: "the archive has the original, and KSeF gives none", archived: true,
			change: func(client *testClient) { client.given = notGiven }, want: ledger.Accepted, final: ledger.Receipted,
		},
		{why: "the archive is new", want: ledger.Accepted, final: ledger.Receipted, fetched: 1},
		{
			why: "the receipt is not given", change: func(client *testClient) { client.upo = notGiven }, want: ledger.Accepted,
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
			why: "KSeF does not give the original", change: func(client *testClient) { client.given = notGiven }, want: ledger.Parked,
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
			s := newStage(t, withFault(c.fault))
			client := s.client()
			w := s.worker("w", client)
			first := s.seeded("A/1", 1)
			b, a := s.admit(ledger.Bulk, s.seeded("B/1", 7)), ledger.Invoice{}
			for _, inv := range []*ledger.Invoice{&b, &a} {
				if inv == &a {
					a = s.admit(ledger.Bulk, first)
				}
				pkg := s.sent(w, *inv)
				w.settle(pkg)
				if c.archived {
					w.receipt(pkg)
				}
				*inv = s.read(inv.ID)
			}
			s.loseRedis()
			fetched := 0
			if c.change != nil {
				c.change(client)
			}
			given := client.given
			client.given = func(doc []byte, err error) ([]byte, error) {
				fetched++
				if given != nil {
					return given(doc, err)
				}
				return doc, err
			}
			second := exportedAgain(t, first)
			if c.other {
				second = bytes.Replace(second, []byte("<P_15>"), []byte("<P_15>1"), 1)
			}
			id := s.admit(ledger.Bulk, second).ID
			pkg := s.sent(w, ledger.Invoice{Facts: ledger.Facts{ID: id}, Lane: ledger.Bulk})
			inv, polls := s.final(w, pkg, id)
			if inv.State != c.want || polls > 100 || !strings.Contains(inv.Reason, c.says) {
				t.Fatalf("after %d polls (want at most 100) the invoice is %s: %q; want %s with a reason that contains %q",
					polls, inv.State, inv.Reason, c.want, c.says)
			}
			w.settle(pkg)
			_ = w.run(queue.KindReceipt, pkg)
			s.advance(2 * time.Hour)
			_ = w.run(queue.KindReceipt, pkg)
			inv = s.read(id)
			if inv.State != c.final {
				t.Errorf("after the receipt task the invoice is %s, want %s: %s", inv.State, c.final, inv.Reason)
			}
			if fetched != c.fetched {
				t.Errorf("KSeF was asked for %d documents, want %d", fetched, c.fetched)
			}
			if n := len(s.sim.Books().Accepted); n != 2 {
				t.Errorf("KSeF accepted %d invoices, want the two from before", n)
			}
			if c.want == ledger.Parked {
				for _, part := range []string{inv.Hash, a.Hash, "only another sale needs another number"} {
					if !strings.Contains(inv.Reason, part) {
						t.Errorf("the reason %q does not contain %q", inv.Reason, part)
					}
				}
				if !bytes.Equal(s.stored(inv, id), second) {
					t.Error("the archive does not have the document of the parked invoice")
				}
				return
			}
			if inv.KsefNumber != a.KsefNumber || !inv.Recovered || inv.Hash != a.Hash {
				t.Errorf("the invoice is accepted as %s with hash %s, recovered: %v; want %s, %s and true",
					inv.KsefNumber, inv.Hash, inv.Recovered, a.KsefNumber, a.Hash)
			}
			if !bytes.Equal(s.stored(inv, id), first) {
				t.Error("the archive does not have the bytes that KSeF has")
			}
			sum := sha256.Sum256(first)
			r, inURL := s.result(inv), base64.RawURLEncoding.EncodeToString(sum[:])
			if r.Hash != a.Hash || !strings.Contains(r.VerificationURL, inURL) {
				t.Errorf("the archived result is %+v, want the hash of KSeF's document, also in the link", r)
			}
			// From now on each of the two exports counts as this invoice.
			for _, doc := range [][]byte{first, second} {
				if got := s.admit(ledger.Bulk, doc); got.ID != id || got.State != inv.State {
					t.Errorf("handed in again, the invoice is %+v, want it unchanged", got)
				}
			}
		})
	}
}

// settledSeries settles a package of n invoices A/0, A/1 and so on, each with content of its own.
func (po *paths) settledSeries(w *actor, n int) (docs [][]byte, invs []ledger.Invoice, pkg string) {
	po.t.Helper()
	for i := range n {
		docs = append(docs, po.samples.seeded(fmt.Sprint("A/", i), uint64(i)))
		invs = append(invs, po.entries.admit(ledger.Bulk, docs[i]))
	}
	pkg = po.sent(w, invs...)
	w.settle(pkg)
	return docs, invs, pkg
}

func TestRecover_WholeFolderExportedAgain_TheArchiveProvesAllWithoutADownload(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	w := s.worker("w", client)
	docs, all, first := s.settledSeries(w, 200)
	w.receipt(first)
	before := s.read(all[17].ID)
	s.loseRedis()
	var again []ledger.Invoice
	for _, doc := range docs {
		again = append(again, s.admit(ledger.Bulk, exportedAgain(t, doc)))
	}
	second := s.sent(w, again...)
	w.settle(second)
	w.receipt(second)
	for _, inv := range again {
		if got := s.read(inv.ID); got.State != ledger.Receipted {
			t.Fatalf("%s is %s, want receipted: %s", got.Number, got.State, got.Reason)
		}
	}
	if got := s.read(again[17].ID); got.KsefNumber != before.KsefNumber || got.Hash != before.Hash || got.UPO != before.UPO {
		t.Errorf("the invoice has the KSeF number %s, the hash %s and the UPO %s, want %s, %s and %s",
			got.KsefNumber, got.Hash, got.UPO, before.KsefNumber, before.Hash, before.UPO)
	}
	if n := s.sim.Books().Requests["invoiceDownload"]; n != 0 {
		t.Errorf("%d documents were fetched, want none", n)
	}
}

// KSeF did not give its document, so the document that was handed in was archived, as for a
// conflict. Later a person retries the invoice, and KSeF gives its document. The archive keeps
// both.
func TestRecover_OurDocumentIsArchived_KSeFsDocumentIsKeptBesideIt(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	w := s.worker("w", client)
	first := s.seeded("A/1", 1)
	original := s.known(w, first)[0]
	second := exportedAgain(t, first)
	client.given = notGiven
	inv := s.admit(ledger.Bulk, second)
	pkg := s.sent(w, inv)
	s.final(w, pkg, inv.ID)
	w.settle(pkg)
	w.receipt(pkg)
	parked := s.read(inv.ID)
	if parked.State != ledger.Parked || !bytes.Equal(s.stored(inv, inv.ID), second) {
		t.Fatalf("the invoice is %s, want parked, and the document that was handed in archived: %s", parked.State, parked.Reason)
	}
	client.given = nil
	if err := s.ledger.Retry(t.Context(), &parked); err != nil {
		t.Fatal(err)
	}
	pkg = s.sent(w, ledger.Invoice{Facts: ledger.Facts{ID: inv.ID}, Lane: ledger.Bulk})
	s.final(w, pkg, inv.ID)
	w.settle(pkg)
	w.receipt(pkg)
	if got := s.read(inv.ID); got.State != ledger.Receipted || got.Hash != original.Hash {
		t.Errorf("after the retry the invoice is %s, want receipted with the original's hash: %s", got.State, got.Reason)
	}
	if !bytes.Equal(s.stored(inv, original.ID), first) || !bytes.Equal(s.stored(inv, inv.ID), second) {
		t.Errorf("the archive has KSeF's document: %v, and the document that was handed in: %v; want both",
			bytes.Equal(s.stored(inv, original.ID), first), bytes.Equal(s.stored(inv, inv.ID), second))
	}
}

// sickStore is a store that fails for some names.
type sickStore struct {
	archive.Store
	fails func(verb, name string) bool
}

func (s *sickStore) Get(ctx context.Context, name string) ([]byte, error) {
	if s.fails("get", name) {
		return nil, errors.New("the store fails")
	}
	return s.Store.Get(ctx, name)
}

func (s *sickStore) Put(ctx context.Context, name string, data []byte, contentType string) error {
	if s.fails("put", name) {
		return errors.New("the store fails")
	}
	return s.Store.Put(ctx, name, data, contentType)
}

func TestRecover_ArchiveCannotReadOrStoreTheOriginal_KSeFsDocumentDecides(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	w := s.worker("w", client)
	first := s.seeded("A/1", 1)
	original := s.known(w, first)[0]
	sick := true
	s.store = &sickStore{s.store, func(_, name string) bool { return sick && strings.HasSuffix(name, original.ID+".xml") }}
	w = s.worker("v", client)
	inv := s.admit(ledger.Bulk, exportedAgain(t, first))
	pkg := s.sent(w, inv)
	if got, _ := s.final(w, pkg, inv.ID); got.State != ledger.Accepted || got.Hash != original.Hash {
		t.Fatalf("the invoice is %s, want accepted with the original's hash: %s", got.State, got.Reason)
	}
	// Redis still has the document that was handed in, and the archive has no document of the
	// invoice. Even so, a third export counts as the same invoice.
	third := bytes.ReplaceAll(first, []byte("T08:15:00Z<"), []byte("T10:45:00Z<"))
	if got := s.admit(ledger.Bulk, third); got.ID != inv.ID || got.State != ledger.Accepted {
		t.Errorf("exported a third time, the invoice is %+v, want the same invoice, accepted", got)
	}
	sick = false
	w.settle(pkg)
	w.receipt(pkg)
	if !bytes.Equal(s.stored(inv, inv.ID), first) {
		t.Error("the archive does not have the bytes that KSeF has")
	}
}

func TestRecover_OneOriginalCannotBeFetched_TheOthersAreDecided(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	w := s.worker("w", client)
	docs, _, _ := s.settledSeries(w, 12)
	s.loseRedis()
	well, sick := false, []byte(nil) // sick is the first document that is fetched
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
	// The list of a session is read when the session is processed. From then on one run is enough.
	w.until(queue.KindConfirm, pkg, func() bool { return sick != nil })
	last := w.run(queue.KindConfirm, pkg)
	if left := left(); len(left) != 1 {
		t.Fatalf("the invoices %v are not accepted, want one that is not; the task ended with %v", left, last)
	}
	if number := left()[0]; !bytes.Contains(sick, []byte("<P_2>"+number+"<")) {
		t.Errorf("%s is not accepted, want all but the invoice whose original cannot be fetched", number)
	}
	if v := retry.Judge(last); v.Action == "" || v.Action == retry.Never {
		t.Errorf("the package does not wait for the invoice that is left: %v", last)
	}
	well = true
	w.settle(pkg)
	if left := left(); len(left) > 0 {
		t.Errorf("the invoices %v are not accepted, want all accepted", left)
	}
}
