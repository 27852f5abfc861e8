package inquiry_test

import (
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/ledger"
)

func TestFindKsefNumber_AnySpelling_FindsTheInvoicesOfTheStateAlone(t *testing.T) {
	w := newWorld(t)
	const number, other = sellerB + "-20260105-0100A0DB5B00-39", sellerB + "-20260105-0100A0DB5B01-3E"
	one, two, waits := w.take(sellerB, "A", "1"), w.take(sellerB, "B", "2"), w.take(sellerB, "C", "3")
	for id, number := range map[string]string{one: number, two: other} {
		w.move(ledger.Packed, id)
		w.check(w.ledger.Move(t.Context(), ledger.Move{ID: id, To: ledger.Accepted, Edit: ledger.Edit{}.Number(number)}))
	}
	find := func(name string, state ledger.State, tenants ...string) (ids []string) {
		found, err := w.reader.FindKsefNumber(t.Context(), name, state, tenants...)
		w.check(err)
		for _, inv := range found {
			ids = append(ids, inv.ID)
		}
		return ids
	}
	for _, name := range []string{number, strings.ToLower(number), number[:26] + "-" + number[26:], " " + number + " "} {
		if got := find(name, ledger.Accepted); !slices.Equal(got, []string{one}) {
			t.Errorf("%q finds %v, want the one invoice", name, got)
		}
	}
	for _, name := range []string{"A", one, waits, "", number[:20], number[:len(number)-1] + "8"} {
		if got := find(name, ledger.Accepted); got != nil {
			t.Errorf("%q finds %v, want none", name, got)
		}
	}
	if got := find(number, ledger.Accepted, sellerA); got != nil {
		t.Errorf("for another tenant the number finds %v, want none", got)
	}
	if got := find(number, ledger.Receipted); got != nil {
		t.Errorf("in another state the number finds %v, want none", got)
	}
	errs, err := w.ledger.Receipt(t.Context(), []string{one}, "file:///upo.xml")
	w.check(err)
	w.check(errs[0])
	if got := find(number, ledger.Receipted); !slices.Equal(got, []string{one}) {
		t.Errorf("when the invoice has its receipt, the number finds %v, want the invoice", got)
	}
}
