package ratelimit

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestStore_AfterAFreeze_OneGoesAndThenTheNumberDoubles(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		r := Request{Key: send, Limits: Limits{{100, time.Minute}}}
		must(t, s.Freeze(t.Context(), send, time.Minute, CauseDenied))
		// Each caller joins the waitlist and is told its turn.
		for i := range 20 {
			steps := 0
			for n := i + 1; n > 1; n /= 2 {
				steps++
			}
			want := time.Minute + time.Duration(steps)*thawStep
			if wait, _ := ask(t, s, r, fmt.Sprint(i)); wait != want {
				t.Errorf("caller %d is told to wait %s, want %s: the minute of the freeze and then its turn", i, wait, want)
			}
		}
		clock.advance(time.Minute)
		var went []int
		for range 5 {
			n := 0
			for range 200 {
				if _, err := s.Book(t.Context(), r); err == nil {
					n++
				}
			}
			went = append(went, n)
			clock.advance(thawStep)
		}
		if want := []int{1, 2, 4, 8, 16}; !slices.Equal(went, want) {
			t.Errorf("%v requests went in the steps after the freeze, want %v", went, want)
		}
	})
}

func TestStore_Throttle_NamedTimesAreKept_OthersGrow(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		throttle := func(d, want time.Duration, strikes429 int) {
			t.Helper()
			got, n, err := s.Throttle(t.Context(), send, d)
			if err != nil || got != want || n != strikes429 {
				t.Errorf("frozen for %s after %d answers 429 in a row (error %v), want %s after %d", got, n, err, want, strikes429)
			}
		}
		throttle(0, time.Minute, 1)
		throttle(0, time.Minute, 1) // this request was under way when the first 429 came
		throttle(90*time.Second, 90*time.Second, 1)
		clock.advance(90 * time.Second)
		throttle(0, 2*time.Minute, 2)
		clock.advance(2 * time.Minute)
		throttle(2680*time.Second, 2680*time.Second, 3)
		clock.advance(2680 * time.Second)
		for i, want := range []time.Duration{8, 16, 32, 60, 60} {
			throttle(-1, want*time.Minute, 4+i)
			clock.advance(want * time.Minute)
		}
	})
}

func TestMemory_Strikes429_AreForgottenAfterAQuietHour(t *testing.T) {
	clock := newFakeClock()
	s := NewMemory(clock.now)
	for range 3 {
		d, _, err := s.Throttle(t.Context(), send, 0)
		must(t, err)
		clock.advance(d)
	}
	clock.advance(strikes429TTL)
	if d, n, err := s.Throttle(t.Context(), send, 0); d != time.Minute || n != 1 || err != nil {
		t.Errorf("frozen for %s after %d answers 429 in a row (error %v), want a minute after 1", d, n, err)
	}
}
