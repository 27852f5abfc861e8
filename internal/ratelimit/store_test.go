package ratelimit

import (
	"math"
	"testing"
	"time"
)

func TestStore_Cancel_LastInLine_GivesItsPlaceBack(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		r := Request{Key: send, Limits: three, MaxWait: time.Minute}
		for range 3 {
			mustBook(t, s, r)
		}
		last := mustBook(t, s, r)
		if err := s.Cancel(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		if again := mustBook(t, s, r); !again.At.Equal(last.At) {
			t.Errorf("the next caller got %s, want the place given back %s", again.At, last.At)
		}
	})
}

func TestStore_CancelRepeated_DoesNotTakeTheNextCallersPlace(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		r := Request{Key: send, Limits: Limits{{1, 10 * time.Second}}, MaxWait: time.Hour}
		mustBook(t, s, r)
		cancelled := mustBook(t, s, r)
		if err := s.Cancel(t.Context(), cancelled); err != nil {
			t.Fatal(err)
		}
		if heir := mustBook(t, s, r); !heir.At.Equal(cancelled.At) || heir.ID == cancelled.ID {
			t.Fatalf("the heir has %+v after %+v, want the same instant under another id", heir, cancelled)
		}
		if err := s.Cancel(t.Context(), cancelled); err != nil {
			t.Fatal(err)
		}
		if b := mustBook(t, s, r); b.Wait != 2*(10*time.Second+tick) {
			t.Errorf("wait %s: the heir's place was taken away", b.Wait)
		}
	})
}

func TestStore_Cancel_WithSomebodyBehind_Lapses(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		r := Request{Key: send, Limits: Limits{{1, 10 * time.Second}}, MaxWait: time.Hour}
		first := mustBook(t, s, r)
		mustBook(t, s, r)
		if err := s.Cancel(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		if b := mustBook(t, s, r); b.Wait != 2*(10*time.Second+tick) {
			t.Errorf("a newcomer waits %s, want to stand behind all", b.Wait)
		}
	})
}

func TestStore_Cancel_OfAnUnknownBooking_DoesNothing(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		if err := s.Cancel(t.Context(), Booking{ID: bookingID(h.now(), 1), Key: send}); err != nil {
			t.Errorf("Cancel: %v", err)
		}
		for _, id := range []string{"", "1", "x-1", "1-x", "1-256", "1--1"} {
			if err := s.Cancel(t.Context(), Booking{ID: id, Key: send}); err == nil {
				t.Errorf("id %q was taken", id)
			}
		}
	})
}

func TestStore_Freeze_HoldsForTheFullTimeAndNamesIt(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		ctx, r := t.Context(), Request{Key: send, Limits: three}
		const retryAfter = 2680 * time.Second
		if err := s.Freeze(ctx, send, retryAfter); err != nil {
			t.Fatal(err)
		}
		_, err := s.Book(ctx, r)
		wantNotNow(t, err, retryAfter, ReasonFrozen)
		mustBook(t, s, Request{Key: Key{send.Tenant, GroupBatchSession}, Limits: three}) // another group goes on

		h.advance(retryAfter - tick)
		_, err = s.Book(ctx, r)
		wantNotNow(t, err, tick, ReasonFrozen)
		h.advance(tick)
		mustBook(t, s, r)
	})
}

func TestStore_Freeze_ExtendsAndNeverShortens(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		for _, d := range []time.Duration{time.Minute, time.Second, 0, -time.Hour, 2 * time.Minute, time.Minute} {
			if err := s.Freeze(t.Context(), send, d); err != nil {
				t.Fatal(err)
			}
		}
		u, err := s.Usage(t.Context(), send, nil)
		if err != nil || u.Frozen != 2*time.Minute || !u.FrozenUntil.Equal(h.now().Add(2*time.Minute)) {
			t.Errorf("usage %+v, %v; want frozen for 2m", u, err)
		}
		h.advance(2 * time.Minute)
		if u, err = s.Usage(t.Context(), send, nil); err != nil || u.Frozen != 0 || !u.FrozenUntil.IsZero() {
			t.Errorf("usage %+v, %v; want no freeze", u, err)
		}
	})
}

func TestStore_Freeze_KeepsWhatIsBooked(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		r := Request{Key: send, Limits: Limits{{3, time.Hour}}}
		for range 3 {
			mustBook(t, s, r)
		}
		if err := s.Freeze(t.Context(), send, time.Minute); err != nil {
			t.Fatal(err)
		}
		_, err := s.Book(t.Context(), r)
		wantNotNow(t, err, time.Hour+tick, ReasonFrozen)
	})
}

func TestStore_FreezeForEver_IsACenturyAndHangsNothing(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		must(t, s.Freeze(t.Context(), send, math.MaxInt64))
		_, err := s.Book(t.Context(), Request{Key: send, Limits: three, MaxWait: time.Hour})
		wantNotNow(t, err, longestFreeze, ReasonFrozen)
		r := Request{Key: send, Limits: Limits{{1, time.Hour}}, MaxWait: math.MaxInt64}
		for i := range 5 {
			if b := mustBook(t, s, r); b.Wait != longestFreeze+time.Duration(i)*(time.Hour+tick) {
				t.Errorf("booking %d waits %s", i, b.Wait)
			}
		}
	})
}

func TestStore_AnInstantExactlyOneWindowAgo_StillCounts(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		r := Request{Key: send, Limits: Limits{{2, 10 * time.Second}}}
		mustBook(t, s, r)
		h.advance(10 * time.Second)
		mustBook(t, s, r) // must not let go of the first yet
		_, err := s.Book(t.Context(), r)
		wantNotNow(t, err, tick, ReasonLimit)
	})
}

func TestStore_OneWindowPushesIntoTheFullStretchOfAnother_BothAreAskedAgain(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		start := h.now()
		loose := Request{Key: send, Limits: Limits{{10, time.Hour}}}
		mustBook(t, s, loose)
		h.advance(15 * time.Second)
		mustBook(t, s, loose)
		ahead := Request{Key: send, Limits: Limits{{1, 23 * time.Second}}, MaxWait: time.Hour}
		mustBook(t, s, ahead) // at 38 s
		h.advance(5 * time.Second)
		b := mustBook(t, s, Request{Key: send, Limits: Limits{{1, 10 * time.Second}, {2, 30 * time.Second}}, MaxWait: time.Hour})
		if got, want := b.At.Sub(start), 48*time.Second+2*tick; got != want {
			t.Errorf("booked at +%s, want +%s", got, want)
		}
	})
}
