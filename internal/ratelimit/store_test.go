package ratelimit

import (
	"math"
	"testing"
	"time"
)

func TestStore_Cancel_LastBooking_GivesItsPlaceBack(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		r := Request{Key: send, Limits: three, MaxWait: time.Minute}
		for range 3 {
			mustBook(t, s, r)
		}
		last := mustBook(t, s, r)
		if err := s.Cancel(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		if again := mustBook(t, s, r); !again.At.Equal(last.At) {
			t.Errorf("the next caller got %s, want %s, the place that was given back", again.At, last.At)
		}
	})
}

func TestStore_CancelRepeated_DoesNotTakeTheNextCallersPlace(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		r := Request{Key: send, Limits: Limits{{1, 10 * time.Second}}, MaxWait: time.Hour}
		mustBook(t, s, r)
		cancelled := mustBook(t, s, r)
		if err := s.Cancel(t.Context(), cancelled); err != nil {
			t.Fatal(err)
		}
		if next := mustBook(t, s, r); !next.At.Equal(cancelled.At) || next.ID == cancelled.ID {
			t.Fatalf("the next caller has %+v after %+v, want the same instant with another id", next, cancelled)
		}
		if err := s.Cancel(t.Context(), cancelled); err != nil {
			t.Fatal(err)
		}
		if b := mustBook(t, s, r); b.Wait != 2*(10*time.Second+tick) {
			t.Errorf("a newcomer waits %s, want %s, behind the next caller, which keeps its place", b.Wait, 2*(10*time.Second+tick))
		}
	})
}

func TestStore_Cancel_WithALaterBooking_LeavesThePlaceUnused(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		r := Request{Key: send, Limits: Limits{{1, 10 * time.Second}}, MaxWait: time.Hour}
		first := mustBook(t, s, r)
		mustBook(t, s, r)
		if err := s.Cancel(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		if b := mustBook(t, s, r); b.Wait != 2*(10*time.Second+tick) {
			t.Errorf("a newcomer waits %s, want %s, behind both bookings", b.Wait, 2*(10*time.Second+tick))
		}
	})
}

func TestStore_Cancel_OfAnUnknownBooking_DoesNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		if err := s.Cancel(t.Context(), Booking{ID: bookingID(clock.now(), 1), Key: send}); err != nil {
			t.Errorf("Cancel of an unknown booking gives the error %v", err)
		}
		for _, id := range []string{"", "1", "x-1", "1-x", "1-256", "1--1"} {
			if err := s.Cancel(t.Context(), Booking{ID: id, Key: send}); err == nil {
				t.Errorf("Cancel took the id %q", id)
			}
		}
	})
}

func TestStore_Freeze_HoldsForTheFullTimeAndNamesIt(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		ctx, r := t.Context(), Request{Key: send, Limits: three}
		const retryAfter = 2680 * time.Second
		if err := s.Freeze(ctx, send, retryAfter, CauseDenied); err != nil {
			t.Fatal(err)
		}
		_, err := s.Book(ctx, r)
		wantNotNow(t, err, retryAfter, ReasonFrozen)
		mustBook(t, s, Request{Key: Key{send.Tenant, GroupBatchSession}, Limits: three}) // another group goes on

		clock.advance(retryAfter - tick)
		_, err = s.Book(ctx, r)
		wantNotNow(t, err, tick, ReasonFrozen)
		clock.advance(tick)
		mustBook(t, s, r)
	})
}

func TestStore_Freeze_ExtendsAndNeverShortens(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		for _, d := range []time.Duration{time.Minute, time.Second, 0, -time.Hour, 2 * time.Minute, time.Minute} {
			if err := s.Freeze(t.Context(), send, d, CauseDenied); err != nil {
				t.Fatal(err)
			}
		}
		u, err := s.Usage(t.Context(), send, nil)
		if err != nil || u.Frozen != 2*time.Minute || !u.FrozenUntil.Equal(clock.now().Add(2*time.Minute)) {
			t.Errorf("the usage is %+v (error %v), want frozen for 2m", u, err)
		}
		clock.advance(2 * time.Minute)
		if u, err = s.Usage(t.Context(), send, nil); err != nil || u.Frozen != 0 || !u.FrozenUntil.IsZero() {
			t.Errorf("the usage is %+v (error %v), want no freeze", u, err)
		}
	})
}

func TestStore_Freeze_KeepsBookings(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		r := Request{Key: send, Limits: Limits{{3, time.Hour}}}
		for range 3 {
			mustBook(t, s, r)
		}
		if err := s.Freeze(t.Context(), send, time.Minute, CauseDenied); err != nil {
			t.Fatal(err)
		}
		_, err := s.Book(t.Context(), r)
		wantNotNow(t, err, time.Hour+tick, ReasonFrozen)
	})
}

func TestStore_FreezeForever_IsACenturyAndBlocksNoCall(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		must(t, s.Freeze(t.Context(), send, math.MaxInt64, CauseDenied))
		_, err := s.Book(t.Context(), Request{Key: send, Limits: three, MaxWait: time.Hour})
		wantNotNow(t, err, maxFreeze, ReasonFrozen)
		r := Request{Key: send, Limits: Limits{{1, time.Hour}}, MaxWait: math.MaxInt64}
		for i := range 5 {
			want := maxFreeze + time.Duration(i)*(time.Hour+tick)
			if b := mustBook(t, s, r); b.Wait != want {
				t.Errorf("booking %d waits %s, want %s: a century and then its own turn", i, b.Wait, want)
			}
		}
	})
}

func TestStore_AnInstantExactlyOneWindowAgo_StillCounts(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		r := Request{Key: send, Limits: Limits{{2, 10 * time.Second}}}
		mustBook(t, s, r)
		clock.advance(10 * time.Second)
		mustBook(t, s, r) // this call must not drop the first booking yet
		_, err := s.Book(t.Context(), r)
		wantNotNow(t, err, tick, ReasonLimit)
	})
}

func TestStore_OneWindowMovesIntoTheFullStretchOfAnother_BothAreCheckedAgain(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		start := clock.now()
		wide := Request{Key: send, Limits: Limits{{10, time.Hour}}}
		mustBook(t, s, wide)
		clock.advance(15 * time.Second)
		mustBook(t, s, wide)
		ahead := Request{Key: send, Limits: Limits{{1, 23 * time.Second}}, MaxWait: time.Hour}
		mustBook(t, s, ahead) // at 38 s
		clock.advance(5 * time.Second)
		b := mustBook(t, s, Request{Key: send, Limits: Limits{{1, 10 * time.Second}, {2, 30 * time.Second}}, MaxWait: time.Hour})
		if got, want := b.At.Sub(start), 48*time.Second+2*tick; got != want {
			t.Errorf("booked at +%s, want +%s", got, want)
		}
	})
}
