package ledger

import (
	"slices"
	"testing"
	"time"
)

// changedFrom lists the changed invoices behind a place, n at a time, and returns their ids.
func (w *world) changedFrom(from Place, n int, states ...State) (ids []string) {
	w.t.Helper()
	for {
		places, err := w.Changed(ctx(), states, from, n)
		w.must(err)
		if len(places) == 0 {
			return ids
		}
		for _, p := range places {
			if p.At < from.At || p.At == from.At && p.ID <= from.ID {
				w.t.Fatalf("the list has %+v after %+v, want ascending places", p, from)
			}
			ids, from = append(ids, p.ID), p
		}
	}
}

func TestChanged_StatesTogether_AreInTheOrderOfTheirLastChange(t *testing.T) {
	w := oneWorld(t)
	var want []string
	for i, inv := range w.take(w.documents(60)...) {
		to := []State{Rejected, Parked, Queued}[i%3]
		if to != Queued {
			w.must(w.Move(ctx(), Move{ID: inv.ID, To: to}))
			want = append(want, inv.ID)
		}
	}
	for _, n := range []int{1, 7, 40, 1000} {
		if got := w.changedFrom(Place{}, n, Rejected, Parked); !slices.Equal(got, want) {
			t.Errorf("%d at a time: %q, want %q", n, got, want)
		}
	}
	last, err := w.Invoice(ctx(), want[20])
	w.must(err)
	if got := w.changedFrom(Place{At: last.UpdatedAt, ID: last.ID}, 7, Rejected, Parked); !slices.Equal(got, want[21:]) {
		t.Errorf("behind the 21st: %q, want %q", got, want[21:])
	}
	if got := w.changedFrom(Place{At: last.UpdatedAt}, 7, Rejected, Parked); !slices.Equal(got, want[20:]) {
		t.Errorf("since the change of the 21st: %q, want %q", got, want[20:])
	}
}

func TestChanged_ManyOfOneMillisecond_EachComesOnce(t *testing.T) {
	w := oneWorld(t)
	moves, want := []Move{}, []string{}
	for i, inv := range w.take(w.documents(90)...) {
		moves = append(moves, Move{ID: inv.ID, To: []State{Rejected, Parked}[i%2]})
		want = append(want, inv.ID)
	}
	_, err := w.Apply(ctx(), moves)
	w.must(err)
	slices.Sort(want)
	for _, n := range []int{1, 8, 1000} {
		if got := w.changedFrom(Place{}, n, Parked, Rejected); !slices.Equal(got, want) {
			t.Errorf("%d at a time: listed %d invoices, want %d, each once and in order", n, len(got), len(want))
		}
	}
}

// A list may go on behind the place of an invoice that has another state now, or is gone.
func TestChanged_InvoiceOfThePlaceHasMoved_GoesOnBehindWhereItStood(t *testing.T) {
	w := oneWorld(t)
	var moves []Move
	for _, inv := range w.take(w.documents(9)...) {
		moves = append(moves, Move{ID: inv.ID, To: Parked})
	}
	_, err := w.Apply(ctx(), moves)
	w.must(err)
	all, err := w.Changed(ctx(), []State{Parked}, Place{}, 9)
	w.must(err)
	w.must(w.Move(ctx(), Move{ID: all[3].ID, To: Dismissed}))
	var want []string
	for _, p := range all[4:] {
		want = append(want, p.ID)
	}
	if got := w.changedFrom(all[3], 2, Parked, Dismissed); !slices.Equal(got, append(want, all[3].ID)) {
		t.Errorf("behind the place of the invoice that moved, listed are %q, want %q and then %s", got, want, all[3].ID)
	}
}

// Two invoices may change in the same millisecond of Redis's clock, and the one that changes second
// may stand before the first in the list. If the first had been listed already, the second would be
// missed. So Changed leaves out invoices that changed in the current millisecond.
func TestChanged_WhileInvoicesMove_NoneIsMissed(t *testing.T) {
	w := oneWorld(t)
	l := New(w.rdb, Options{Prefix: w.prefix})
	const n = 2000
	invs := w.take(w.documents(n)...)
	failed := make(chan error, 1)
	go func() {
		for _, inv := range invs {
			if err := l.Move(ctx(), Move{ID: inv.ID, To: Parked}); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	seen, from, done := map[string]bool{}, Place{}, false
	for deadline := time.Now().Add(time.Minute); ; {
		if time.Now().After(deadline) {
			t.Fatal("the list has no end after a minute")
		}
		places, err := l.Changed(ctx(), []State{Parked}, from, 5)
		w.must(err)
		for _, p := range places {
			seen[p.ID], from = true, p
		}
		select {
		case err := <-failed:
			w.must(err)
			done = true
		default:
		}
		if done && len(places) == 0 {
			break
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d invoices were listed, want all", len(seen), n)
	}
}
