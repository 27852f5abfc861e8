package inquiry_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
)

func (w *world) decided(from time.Time) []string {
	w.t.Helper()
	var got []string
	for d, err := range w.reader.Decided(w.t.Context(), from, inquiry.Filter{}) {
		w.check(err)
		got = append(got, d.Result.Number+" "+d.Result.State)
	}
	return got
}

func TestDecided_SeveralStates_AreInTheOrderOfTheirLastChange(t *testing.T) {
	w := newWorld(t)
	a, b, c, d, e := w.take(sellerA, "A", "1"), w.take(sellerA, "B", "2"), w.take(sellerB, "C", "3"),
		w.take(sellerB, "D", "4"), w.take(sellerB, "E", "5")
	w.take(sellerA, "still queued", "6")
	w.move(ledger.Rejected, d)
	w.accept(a)
	since := w.now()
	w.move(ledger.Parked, c)
	w.move(ledger.Dismissed, e)
	w.move(ledger.Rejected, b)
	w.move(ledger.Receipted, a)
	want := []string{"D rejected", "C parked", "E dismissed", "B rejected", "A receipted"}
	if got := w.decided(time.Time{}); !slices.Equal(got, want) {
		t.Errorf("decided are %q, want %q", got, want)
	}
	if got := w.decided(since); !slices.Equal(got, want[1:]) {
		t.Errorf("decided since the second change are %q, want %q", got, want[1:])
	}
}

func TestDecided_MoreThanOnePage_YieldsEachInvoiceOnceInOrder(t *testing.T) {
	w := newWorld(t)
	const n = 1200
	docs, ids := make([]ledger.NewInvoice, n), make([]string, n)
	for i := range n {
		number := fmt.Sprint(i)
		ids[i] = ledger.InvoiceID(ledger.Identity{NIP: sellerA, Kind: "VAT", Number: number}, [32]byte{})
		docs[i] = ledger.NewInvoice{Body: []byte("x"), Invoice: ledger.Invoice{
			Facts: ledger.Facts{ID: ids[i], Tenant: sellerA, NIP: sellerA, Kind: "VAT", Form: "v3"}, Number: number,
		}}
	}
	_, err := w.ledger.Take(t.Context(), docs)
	w.check(err)
	w.move(ledger.Rejected, ids[:700]...)
	w.move(ledger.Parked, ids[700:]...)
	seen, last := map[string]bool{}, ledger.Millis(0)
	for d, err := range w.reader.Decided(t.Context(), time.Time{}, inquiry.Filter{}) {
		w.check(err)
		if seen[d.Invoice.ID] || d.Invoice.UpdatedAt < last {
			t.Fatalf("%s comes twice or out of order", d.Invoice.Number)
		}
		seen[d.Invoice.ID], last = true, d.Invoice.UpdatedAt
	}
	if len(seen) != n {
		t.Errorf("%d of %d invoices", len(seen), n)
	}
}

func TestDecided_EntryCannotBeRead_IsReportedAndTheOthersFollow(t *testing.T) {
	w := newWorld(t)
	a, b := w.take(sellerA, "A", "1"), w.take(sellerA, "B", "2")
	w.move(ledger.Rejected, a)
	w.move(ledger.Rejected, b)
	w.damage(a)
	if got := w.decided(time.Time{}); !slices.Equal(got, []string{"B rejected"}) || !slices.Equal(w.unread, []string{a}) {
		t.Errorf("decided are %q, unreadable are %q", got, w.unread)
	}
}

func TestDecided_StateChangesBetweenTwoLists_YieldsTheInvoiceOnce(t *testing.T) {
	w := newWorld(t)
	a := w.take(sellerA, "A", "1")
	w.accept(a)
	changed := false
	w.rdb.AddHook(&after{ledger.ScriptHashes()["changed"], func() { changed = true; w.move(ledger.Receipted, a) }})
	if got := w.decided(time.Time{}); !changed || !slices.Equal(got, []string{"A receipted"}) {
		t.Errorf("decided are %q; changed: %v", got, changed)
	}
}
