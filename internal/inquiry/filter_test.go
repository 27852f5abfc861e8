package inquiry_test

import (
	"slices"
	"testing"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
)

func TestDecided_EachFilter_ShowsWhatPasses(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.take(sellerA, "FV 1", "1"), w.take(sellerB, "FV\u00a02", "2"), w.take(sellerA, "KOR 3", "3")
	q := w.take(sellerA, "FV waits", "4")
	w.move(ledger.Packed, a)
	w.check(w.ledger.Move(t.Context(), ledger.Move{
		ID: a, To: ledger.Accepted, Edit: ledger.Edit{}.Number(sellerA + "-20261123-0100A0DB5B00-39"),
	}))
	w.tick()
	w.move(ledger.Rejected, b)
	w.move(ledger.Parked, c)
	for _, one := range []struct {
		filter inquiry.Filter
		want   []string
	}{
		{inquiry.Filter{}, []string{a, b, c}},
		{inquiry.Filter{State: ledger.Parked}, []string{c}},
		{inquiry.Filter{State: ledger.Queued}, []string{q}},
		{inquiry.Filter{Waiting: true}, []string{q, a}},
		{inquiry.Filter{Waiting: true, Number: "FV w"}, []string{q}},
		{inquiry.Filter{State: "refused"}, nil},
		{inquiry.Filter{Tenants: []string{sellerB, "x"}}, []string{b}},
		{inquiry.Filter{Number: "FV "}, []string{a, b}},
		{inquiry.Filter{Number: "FV 2"}, []string{b}},
		{inquiry.Filter{Number: "V"}, nil},
		{inquiry.Filter{KsefNumber: sellerA}, []string{a}},
		{inquiry.Filter{KsefNumber: sellerA + "-20261124"}, nil},
		{inquiry.Filter{KsefNumber: sellerA, State: ledger.Rejected}, nil},
		{inquiry.Filter{Day: "2026-11-23"}, nil}, // these invoices have no issue date
	} {
		var got []string
		for d, err := range w.reader.Decided(t.Context(), time.Time{}, one.filter) {
			w.check(err)
			got = append(got, d.Invoice.ID)
		}
		if !slices.Equal(got, one.want) {
			t.Errorf("%+v shows %q, want %q", one.filter, got, one.want)
		}
	}
}

// A caller that stops in the middle leaves no goroutine running. TestMain checks this.
func TestDecided_StoppedInTheMiddle_Ends(t *testing.T) {
	w := newWorld(t)
	w.move(ledger.Parked, w.take(sellerA, "A", "1"), w.take(sellerA, "B", "2"))
	for _, err := range w.reader.Decided(t.Context(), time.Time{}, inquiry.Filter{}) {
		w.check(err)
		break
	}
}

func TestInState_InvoicesComeBackToTheState_AreYieldedOnce(t *testing.T) {
	w := newWorld(t)
	id := w.take(sellerA, "A", "1")
	w.move(ledger.Parked, id)
	times := 0
	w.check(w.reader.InState(t.Context(), ledger.Parked, func(invs []ledger.Invoice) error {
		if times += len(invs); times > 1 {
			t.Fatal("the invoice was yielded again")
		}
		for range invs {
			w.move(ledger.Queued, id)
			w.move(ledger.Parked, id)
		}
		return nil
	}))
	if times != 1 {
		t.Errorf("the invoice was yielded %d times, want once", times)
	}
}
