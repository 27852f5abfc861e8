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

// book is a ledger whose entries the test changes.
type book struct {
	entries map[string]ledger.Invoice
	err     error
	unread  []ledger.Unreadable
	polls   int
	onPoll  func(n int) // called at the start of each poll; n is 1 for the first
}

func (b *book) set(id string, s ledger.State) {
	inv := b.entries[id]
	inv.ID, inv.State, inv.Rev = id, s, inv.Rev+1
	b.entries[id] = inv
}

func (b *book) Invoices(_ context.Context, ids []string) ([]ledger.Invoice, error) {
	b.polls++
	if b.onPoll != nil {
		b.onPoll(b.polls)
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

func TestWait_AllAreDecided_Ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook("a", "b", "c", "gone")
		b.onPoll = func(n int) {
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
		o := intake.WaitOptions{Progress: func(s intake.Standing) { last = s }}
		seen, err := intake.Wait(t.Context(), b, []string{"a", "b", "c", "gone", "a"}, o)
		if err != nil || b.polls != 8 {
			t.Fatalf("Wait ended after %d polls, %v, want 8", b.polls, err)
		}
		if want := (intake.Standing{Total: 4, Accepted: 1, Rejected: 1, Parked: 1}); last != want {
			t.Errorf("the last standing is %+v, want %+v", last, want)
		}
		if seen["a"].State != ledger.Receipted || seen["b"].State != ledger.Rejected ||
			seen["c"].State != ledger.Parked {
			t.Errorf("Wait returned the entries %+v, want a receipted, b rejected and c parked", seen)
		}
	})
}

// An entry that cannot be read may stay so for ever. Wait reports it, and waits only for the other
// entries.
func TestWait_EntryCannotBeRead_IsReportedAndTheOthersAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook("a", "b")
		b.unread = []ledger.Unreadable{{ID: "bad", Err: ledger.ErrNewer}}
		b.onPoll = func(n int) {
			if n == 3 {
				b.set("a", ledger.Receipted)
				b.set("b", ledger.Rejected)
			}
		}
		seen, err := intake.Wait(t.Context(), b, []string{"a", "bad", "b"}, intake.WaitOptions{})
		if err != nil || seen["a"].State != ledger.Receipted || seen["b"].State != ledger.Rejected {
			t.Errorf("Wait = %v, %v, want a receipted and b rejected", seen, err)
		}
		if got := seen["bad"]; got.ID != "bad" || got.State != "" || got.Reason == "" {
			t.Errorf("the unreadable entry is reported as %+v, want its id and a reason without a state", got)
		}
	})
}

// The receipt comes when the session at KSeF is closed, minutes after the invoice was accepted. So
// Wait waits for the receipt only when it is told to.
func TestWait_AcceptedWithoutReceipt_EndsUnlessTheReceiptIsAskedFor(t *testing.T) {
	for _, receipt := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBook("a", "b")
			b.set("a", ledger.Accepted)
			b.set("b", ledger.Dismissed)
			b.onPoll = func(n int) {
				if n == 9 {
					b.set("a", ledger.Receipted)
				}
			}
			seen, err := intake.Wait(t.Context(), b, []string{"a", "b"}, intake.WaitOptions{Receipt: receipt})
			want, polls := ledger.Accepted, 1
			if receipt {
				want, polls = ledger.Receipted, 9
			}
			if err != nil || seen["a"].State != want || b.polls != polls {
				t.Errorf("with Receipt %v, Wait ended with state %s after %d polls, %v; want state %s after %d polls",
					receipt, seen["a"].State, b.polls, err, want, polls)
			}
		})
	}
}

func TestWait_NothingChanges_PollsRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook("a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := intake.Wait(ctx, b, []string{"a"}, intake.WaitOptions{})
		if !errors.Is(err, context.DeadlineExceeded) || b.polls > 730 {
			t.Errorf("%d polls in an hour, %v, want 730 at most and the error of the context", b.polls, err)
		}
	})
}

func TestWait_PollsAreSlow_TakeATenthOfTheTimeAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook("a")
		b.onPoll = func(int) { // each poll takes a second and finds a change
			time.Sleep(time.Second) // on the clock of synctest
			b.set("a", ledger.Queued)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		_, _ = intake.Wait(ctx, b, []string{"a"}, intake.WaitOptions{})
		if b.polls > 11 {
			t.Errorf("%d polls of a second each in a minute, want 11 at most", b.polls)
		}
	})
}

func TestWait_RedisFails_GoesOnAfterARestartAndGivesUpAfterALongOutage(t *testing.T) {
	down := errors.New("connection refused")
	synctest.Test(t, func(t *testing.T) {
		b := newBook("a")
		reported := 0
		b.onPoll = func(n int) {
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
				reported++
			}
		}})
		if err != nil || reported != 4 {
			t.Errorf("Progress was told of %d failed polls, %v, want 4", reported, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBook("a")
		b.err = down
		began := time.Now()
		_, err := intake.Wait(t.Context(), b, []string{"a"}, intake.WaitOptions{Outage: time.Minute})
		if spent := time.Since(began); !errors.Is(err, down) || spent < time.Minute || spent > 70*time.Second {
			t.Errorf("Wait gave up after %v with %v, want a minute and the error of Redis", spent, err)
		}
	})
}
