package ledger

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// While invoices move, the key of an index holds a value of the wrong type. Then a person deletes
// the key. The sweep puts the entries into the index again, and the audit at the end of the test
// finds nothing missing.
func TestSickKeys_APersonDeletesThem_WhatTheyListedIsListedAgain(t *testing.T) {
	next := worlds(t)
	for _, keys := range [][]string{
		{"st:queued"}, {"st:packed"}, {"st:accepted", "st:receipted"}, {"st:parked", "owed"}, {"due"}, {"pst:cut", "pst:settled"},
		{"groups"}, {"wait:" + groupA.Name()}, {"waitage:" + groupA.Name(), "waitsize"}, {"waitage:" + groupA.Name()},
		{"waitsize"}, {"sellers"},
	} {
		t.Run(keys[0], func(t *testing.T) {
			w := next(t) // with an audit
			w.receipt(w.accepted("1", "", ""))
			w.waiting(2)
			for _, key := range keys {
				w.rdb.Del(ctx(), w.key(key))
				w.rdb.Set(ctx(), w.key(key), "x", 0)
			}
			sick, err := w.SeeSickKeys(ctx())
			w.must(err)
			var told []string
			for _, u := range sick {
				told = append(told, u.Key)
			}
			if want := slices.Sorted(slices.Values(keys)); keys[0] != "groups" && !slices.Equal(told, want) {
				t.Fatalf("the keys %v are reported as sick, want %v", told, want)
			}
			_, err = w.NoteUnreadable(ctx(), sick)
			w.must(err)
			if keys[0] != "groups" && !strings.HasPrefix(keys[0], "wait") { // a cut needs these keys
				w.packed(2)
			}
			inv := w.take(document(sellerB, "VAT", "2", "x"))[0]
			w.move(inv, Parked)
			if !strings.HasPrefix(keys[0], "wait") {
				w.waiting(1)
			}

			if n, err := w.RecheckUnreadable(ctx(), 10); n != 0 || err != nil {
				t.Fatalf("%d sick keys are forgotten (error %v), want none while they are sick", n, err)
			}
			for _, key := range keys {
				w.rdb.Del(ctx(), w.key(key))
			}
			for range 2 { // the sweep does this again and again
				_, err = w.RecheckUnreadable(ctx(), 10)
				w.must(err)
			}
			if n, _, err := w.Unreadables(ctx(), 1); n != 0 || err != nil {
				t.Errorf("%d sick keys are still recorded (error %v), want none", n, err)
			}
			if keys[0] == "sellers" {
				if ids, err := w.ByNumber(ctx(), "2"); err != nil || len(ids) != 1 {
					t.Errorf("number 2 finds %v (error %v), want its one invoice", ids, err)
				}
			}
			_, err = w.InState(ctx(), Queued, time.Time{}, time.Time{}, 0)
			w.must(err)
		})
	}
}
