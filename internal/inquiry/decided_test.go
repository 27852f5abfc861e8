package inquiry_test

import (
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
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
		t.Errorf("Decided yields %q, want %q", got, want)
	}
	if got := w.decided(since); !slices.Equal(got, want[1:]) {
		t.Errorf("since the second change Decided yields %q, want %q", got, want[1:])
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
			t.Fatalf("%s: yielded before: %v; changed at %d, after an invoice changed at %d; want false and no earlier time",
				d.Invoice.Number, seen[d.Invoice.ID], d.Invoice.UpdatedAt, last)
		}
		seen[d.Invoice.ID], last = true, d.Invoice.UpdatedAt
	}
	if len(seen) != n {
		t.Errorf("%d of %d invoices were yielded, want all", len(seen), n)
	}
}

func TestDecided_EntryCannotBeRead_IsReportedAndTheOthersFollow(t *testing.T) {
	w := newWorld(t)
	a, b := w.take(sellerA, "A", "1"), w.take(sellerA, "B", "2")
	w.move(ledger.Rejected, a)
	w.move(ledger.Rejected, b)
	w.damage(a)
	if got := w.decided(time.Time{}); !slices.Equal(got, []string{"B rejected"}) || !slices.Equal(w.unread, []string{a}) {
		t.Errorf("Decided yields %q and reports %q as unreadable, want B yielded and A reported", got, w.unread)
	}
}

// When the index names an invoice whose entry is missing, a person must learn that the list lacks
// the invoice.
func TestDecided_FrozenEntryIsGoneOrEmpty_IsReportedAndTheOthersFollow(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.take(sellerA, "A", "1"), w.take(sellerA, "B", "2"), w.take(sellerA, "C", "3")
	for _, id := range []string{a, b, c} {
		w.accept(id)
		_, err := w.ledger.Receipt(t.Context(), []string{id}, "file:///upo.xml")
		w.check(err)
		w.tick()
	}
	// The ledger may keep the entry of a receipted invoice as a field of a bucket. Now the entry of
	// a is absent there too, and the entry of b is an empty field.
	w.check(w.rdb.Del(t.Context(), "ksef:inv:"+a, "ksef:inv:"+b).Err())
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(b[len("inv-"):]))
	w.check(err)
	w.check(w.rdb.HSet(t.Context(), "ksef:final:"+b[4:6], string(raw[1:]), "").Err())
	if got := w.decided(time.Time{}); !slices.Equal(got, []string{"C receipted"}) || !slices.Equal(w.unread, []string{a, b}) {
		t.Errorf("Decided yields %q and reports %q as unreadable, want C yielded and %q reported", got, w.unread, []string{a, b})
	}
	w.unread = nil
	if _, err := w.reader.Latest(t.Context(), inquiry.Window{Limit: 10, Scan: 100}); err != nil || len(w.unread) != 2 {
		t.Errorf("Latest returns %v and reports %q as unreadable, want no error and two ids", err, w.unread)
	}
}

// The retention removes an entry and its place in the index together.
func TestDecided_EntryIsRemovedBetweenListAndRead_IsNotCalledDamaged(t *testing.T) {
	w := newWorld(t)
	a := w.take(sellerA, "A", "1")
	w.move(ledger.Rejected, a)
	w.rdb.AddHook(&after{ledger.ScriptHashes()["changed"], func() {
		_, err := w.ledger.Prune(t.Context(), -time.Hour, 100)
		w.check(err)
	}})
	if got := w.decided(time.Time{}); len(got) > 0 || len(w.unread) > 0 {
		t.Errorf("Decided yields %q and reports %q as unreadable, want neither", got, w.unread)
	}
}

func TestDecided_StateChangesBetweenTwoLists_YieldsTheInvoiceOnce(t *testing.T) {
	w := newWorld(t)
	a := w.take(sellerA, "A", "1")
	w.accept(a)
	changed := false
	w.rdb.AddHook(&after{ledger.ScriptHashes()["changed"], func() { changed = true; w.move(ledger.Receipted, a) }})
	if got := w.decided(time.Time{}); !changed || !slices.Equal(got, []string{"A receipted"}) {
		t.Errorf("Decided yields %q, want A once as receipted; the state was changed meanwhile: %v, want true", got, changed)
	}
}
