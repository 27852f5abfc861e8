package intake_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
)

// book is a ledger whose entries a test moves.
type book struct {
	entries map[string]ledger.Invoice
	err     error
	unread  []ledger.Unreadable
	looks   int
	onLook  func(n int)
}

func (b *book) set(id string, s ledger.State) {
	inv := b.entries[id]
	inv.ID, inv.State, inv.Rev = id, s, inv.Rev+1
	b.entries[id] = inv
}

func (b *book) Invoices(_ context.Context, ids []string) ([]ledger.Invoice, error) {
	b.looks++
	if b.onLook != nil {
		b.onLook(b.looks)
	}
	if b.err != nil {
		return nil, b.err
	}
	var out []ledger.Invoice
	for _, id := range ids {
		if inv, ok := b.entries[id]; ok {
			out = append(out, inv)
		}
	}
	for _, u := range b.unread {
		if slices.Contains(ids, u.ID) {
			return out, &ledger.UnreadableError{Entries: []ledger.Unreadable{u}}
		}
	}
	return out, nil
}

func newBook(ids ...string) *book {
	b := &book{entries: map[string]ledger.Invoice{}}
	for _, id := range ids {
		b.set(id, ledger.Queued)
	}
	return b
}

func TestWait_EndsWhenAllAreDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook("a", "b", "c", "gone")
		b.onLook = func(n int) {
			switch n {
			case 3:
				b.set("a", ledger.Receipted)
			case 5:
				b.set("b", ledger.Rejected)
				delete(b.entries, "gone")
			case 8:
				b.set("c", ledger.Parked)
			}
		}
		var last intake.Standing
		seen, err := intake.Wait(t.Context(), b, []string{"a", "b", "c", "gone", "a"}, intake.WaitOptions{Progress: func(s intake.Standing) { last = s }})
		if err != nil || b.looks != 8 {
			t.Fatalf("%d looks, %v", b.looks, err)
		}
		if want := (intake.Standing{Total: 4, Accepted: 1, Rejected: 1, Parked: 1}); last != want {
			t.Errorf("last standing %+v, want %+v", last, want)
		}
		if seen["a"].State != ledger.Receipted || seen["b"].State != ledger.Rejected || seen["c"].State != ledger.Parked {
			t.Errorf("seen %+v", seen)
		}
	})
}

// It may stay unreadable for ever: the others are waited for, and it is told.
func TestWait_AnEntryCannotBeRead_TheOthersAreWaitedForAndItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook("a", "b")
		b.unread = []ledger.Unreadable{{ID: "bad", Err: ledger.ErrNewer}}
		b.onLook = func(n int) {
			if n == 3 {
				b.set("a", ledger.Receipted)
				b.set("b", ledger.Rejected)
			}
		}
		seen, err := intake.Wait(t.Context(), b, []string{"a", "bad", "b"}, intake.WaitOptions{})
		if err != nil || seen["a"].State != ledger.Receipted || seen["b"].State != ledger.Rejected {
			t.Errorf("%v, %v", seen, err)
		}
		if got := seen["bad"]; got.ID != "bad" || got.State != "" || got.Reason == "" {
			t.Errorf("of the unreadable one is told %+v", got)
		}
	})
}

// The receipt comes when the session is closed: only who asks for it waits so long.
func TestWait_AcceptedWithoutReceipt_IsEnoughUnlessTheReceiptIsAskedFor(t *testing.T) {
	for _, receipt := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBook("a", "b")
			b.set("a", ledger.Accepted)
			b.set("b", ledger.Dismissed)
			b.onLook = func(n int) {
				if n == 9 {
					b.set("a", ledger.Receipted)
				}
			}
			seen, err := intake.Wait(t.Context(), b, []string{"a", "b"}, intake.WaitOptions{Receipt: receipt})
			want, looks := ledger.Accepted, 1
			if receipt {
				want, looks = ledger.Receipted, 9
			}
			if err != nil || seen["a"].State != want || b.looks != looks {
				t.Errorf("receipt %v: %s after %d looks, %v", receipt, seen["a"].State, b.looks, err)
			}
		})
	}
}

func TestWait_NothingMoves_LooksRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook("a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := intake.Wait(ctx, b, []string{"a"}, intake.WaitOptions{})
		if !errors.Is(err, context.DeadlineExceeded) || b.looks > 730 {
			t.Errorf("%d looks in an hour, %v", b.looks, err)
		}
	})
}

func TestWait_ALedgerOfTenThousand_IsReadATenthOfTheTimeAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook("a")
		b.onLook = func(int) { time.Sleep(time.Second); b.set("a", ledger.Queued) } // always something moves, and reading takes long
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		_, _ = intake.Wait(ctx, b, []string{"a"}, intake.WaitOptions{})
		if b.looks > 11 {
			t.Errorf("%d looks of a second in a minute", b.looks)
		}
	})
}

func TestWait_RedisRestarts_GoesOn_AndGivesUpAfterALongOutage(t *testing.T) {
	down := errors.New("connection refused")
	synctest.Test(t, func(t *testing.T) {
		b := newBook("a")
		told := 0
		b.onLook = func(n int) {
			switch n {
			case 2:
				b.err = down
			case 6:
				b.err = nil
				b.set("a", ledger.Receipted)
			}
		}
		_, err := intake.Wait(t.Context(), b, []string{"a"}, intake.WaitOptions{Progress: func(s intake.Standing) {
			if s.Err != nil {
				told++
			}
		}})
		if err != nil || told != 4 {
			t.Errorf("told %d times, %v", told, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBook("a")
		b.err = down
		began := time.Now()
		_, err := intake.Wait(t.Context(), b, []string{"a"}, intake.WaitOptions{Outage: time.Minute})
		if spent := time.Since(began); !errors.Is(err, down) || spent < time.Minute || spent > 70*time.Second {
			t.Errorf("gave up after %v: %v", spent, err)
		}
	})
}
