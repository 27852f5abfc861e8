package inquiry_test

import (
	"slices"
	"testing"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
)

// In the index of their state, two invoices have scores that are not valid times. Each list names
// these two once, and has all others.
func TestReader_ScoresAreNotValidTimes_OthersAreListedAndTheseAreNamedOnce(t *testing.T) {
	for _, score := range []string{"-inf", "-5", "0", "1.5", "1e17", "inf"} {
		t.Run(score, func(t *testing.T) {
			w := newWorld(t)
			first, a := w.take(sellerA, "first", "1"), w.take(sellerA, "A", "2")
			b, last := w.take(sellerB, "B", "3"), w.take(sellerB, "last", "4")
			w.move(ledger.Rejected, first)
			w.move(ledger.Parked, a)
			w.move(ledger.Rejected, b)
			w.move(ledger.Parked, last)
			odd := []string{first, last}
			slices.Sort(odd)
			w.check(w.rdb.Do(t.Context(), "ZADD", "ksef:st:rejected", score, first).Err())
			w.check(w.rdb.Do(t.Context(), "ZADD", "ksef:st:parked", score, last).Err())
			named := func(what string) {
				t.Helper()
				if slices.Sort(w.unread); !slices.Equal(w.unread, odd) {
					t.Errorf("%s names %q, want %q", what, w.unread, odd)
				}
				w.unread = nil
			}

			if got := w.decided(time.Time{}); !slices.Equal(got, []string{"A parked", "B rejected"}) {
				t.Errorf("Decided yields %q, want A and B", got)
			}
			named("Decided")
			w.check(w.rdb.Set(t.Context(), "ksef:st:dismissed", "x", 0).Err())
			if got := w.decided(time.Time{}); !slices.Equal(got, []string{"A parked", "B rejected"}) {
				t.Errorf("with a sick index Decided yields %q, want A and B", got)
			}
			odd = append(odd, ledger.IndexOf(ledger.Dismissed))
			named("with a sick index, Decided")
			w.check(w.rdb.Del(t.Context(), "ksef:st:dismissed").Err())
			odd = odd[:2]

			found, err := w.reader.Latest(t.Context(), inquiry.Window{Limit: 10, Scan: 100})
			w.check(err)
			if len(found.Invoices) != 2 || found.Invoices[0].ID != b || found.Invoices[1].ID != a {
				t.Errorf("Latest finds %d invoices, want B and A", len(found.Invoices))
			}
			named("Latest")
			var listed []string
			for _, s := range []ledger.State{ledger.Rejected, ledger.Parked} {
				w.check(w.reader.InState(t.Context(), s, func(invs []ledger.Invoice) error {
					for i := range invs {
						listed = append(listed, invs[i].ID)
					}
					return nil
				}))
			}
			if !slices.Equal(listed, []string{b, a}) {
				t.Errorf("InState yields %q, want B and A", listed)
			}
			named("InState")
		})
	}
}
