package inquiry_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ksefworker/internal/ledger"
)

func TestOpenItems_AreByTenantAndOldestFirst(t *testing.T) {
	w := newWorld(t)
	a, b, c, d := w.take(sellerB, "A", "1"), w.take(sellerA, "B", "2"), w.take(sellerA, "C", "3"), w.take(sellerA, "D", "4")
	w.take(sellerA, "still queued", "5")
	w.move(ledger.Rejected, c)
	w.refuse(sellerA, "x.xml", "X")
	w.move(ledger.Parked, b, a)
	w.move(ledger.Dismissed, d)
	w.refuse("", "y.xml", "")
	items, err := w.reader.OpenItems(t.Context())
	w.check(err)
	var got []string
	for _, it := range items {
		got = append(got, it.Tenant+" "+it.Result.Number+" "+it.Result.State)
	}
	want := []string{"  refused", sellerA + " C rejected", sellerA + " X refused", sellerA + " B parked", sellerB + " A parked"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the open items are not by tenant and oldest first (-want +got):\n%s", diff)
	}
}

func TestOpenItems_LaterDocumentWithTheNumber_IsNamedUntilKSeFHasIt(t *testing.T) {
	w := newWorld(t)
	first := w.take(sellerA, "A", "1")
	w.move(ledger.Rejected, first)
	second := w.take(sellerA, "A", "2")
	items, err := w.reader.OpenItems(t.Context())
	w.check(err)
	want := ledger.Newest{ID: second, State: ledger.Queued}
	if len(items) != 1 || items[0].Result.ID != first || items[0].Later != want {
		t.Errorf("the open items are %+v, want %s with the later document %+v", items, first, want)
	}
	w.accept(second)
	if items, err = w.reader.OpenItems(t.Context()); err != nil || len(items) != 0 {
		t.Errorf("after KSeF accepted the later document, the open items are %+v, %v, want none", items, err)
	}
}
