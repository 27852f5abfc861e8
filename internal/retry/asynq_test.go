package retry

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"ksefworker/internal/ksef"
)

func TestBackoff_GrowsFromSecondsToFiveMinutes_AtMostAFifthMore(t *testing.T) {
	for n, middle := range map[int]time.Duration{
		math.MinInt: 2 * time.Second, -1: 2 * time.Second, 0: 2 * time.Second,
		1: 4 * time.Second, 2: 8 * time.Second, 5: 64 * time.Second, 7: 256 * time.Second,
		8: 5 * time.Minute, 20: 5 * time.Minute, 21: 5 * time.Minute, 1000: 5 * time.Minute,
		math.MaxInt32: 5 * time.Minute, math.MaxInt: 5 * time.Minute,
	} {
		low, high := time.Duration(0.8*float64(middle)), time.Duration(1.2*float64(middle))
		seen := map[time.Duration]bool{}
		for range 200 {
			d := Backoff(n)
			if d < low || d > high {
				t.Fatalf("after %d failures the pause is %v, want within [%v, %v]", n, d, low, high)
			}
			seen[d] = true
		}
		if len(seen) < 100 {
			t.Errorf("after %d failures only %d of 200 pauses differ: the tasks of a pool would come back at the same time", n, len(seen))
		}
	}
}

func TestDelay_AddsTheSecondThatAsynqCutsOff(t *testing.T) {
	for _, c := range []struct {
		what      string
		n         int
		err       error
		low, high time.Duration
	}{
		{"a known wait is kept to the second", 50,
			&LaterError{Delay: time.Minute, Reason: ReasonLimit}, 61 * time.Second, 61 * time.Second},
		{"a known wait of two days is not capped", 0, &LaterError{Delay: 48 * time.Hour, Reason: ReasonProcessing},
			48*time.Hour + time.Second, 48*time.Hour + time.Second},
		{"a pause that KSeF asks for is kept to the second", 0, &ksef.APIError{Kind: ksef.KindThrottled, RetryAfter: 2680 * time.Second},
			2681 * time.Second, 2681 * time.Second},
		{"during a pause of days the task comes back every hour, because a person may end the pause", 0,
			&ksef.APIError{Kind: ksef.KindThrottled, RetryAfter: 48 * time.Hour}, time.Hour + time.Second, time.Hour + time.Second},
		{"half a second becomes a second and a half", 0,
			&LaterError{Delay: 500 * time.Millisecond}, 1500 * time.Millisecond, 1500 * time.Millisecond},
		{"a task for another process goes there at once", 50,
			&LaterError{Delay: HandOver, Reason: ReasonLocal}, HandOver, HandOver},
		{"an unknown wait takes the backoff", 0,
			&LaterError{Reason: ReasonLost}, 2600 * time.Millisecond, 3400 * time.Millisecond},
		{"a wait below zero takes the backoff", 0,
			&LaterError{Delay: -time.Hour}, 2600 * time.Millisecond, 3400 * time.Millisecond},
		{"a first failure", 0, errors.New("x"), 2600 * time.Millisecond, 3400 * time.Millisecond},
		{"a tenth failure", 10, errors.New("x"), 241 * time.Second, 361 * time.Second},
		{"an error with the verdict look_first takes the backoff", 0, &ksef.APIError{Kind: ksef.KindNetwork, MaybeDone: true},
			2600 * time.Millisecond, 3400 * time.Millisecond},
	} {
		for range 50 {
			if d := Delay(c.n, c.err, nil); d < c.low || d > c.high {
				t.Errorf("%s: the delay is %v, want within [%v, %v]", c.what, d, c.low, c.high)
			}
		}
	}
}

func TestIsFailure_WaitingIsNotCounted(t *testing.T) {
	for _, c := range table() {
		if c.err != nil && IsFailure(c.err) != (c.want.Action != Later) {
			t.Errorf("%s: IsFailure returns %v, want %v", c.what, IsFailure(c.err), c.want.Action != Later)
		}
	}
	growing := &LaterError{Reason: ReasonLost, Grows: true}
	if counted, action := IsFailure(fmt.Errorf("ask: %w", growing)), Judge(growing).Action; !counted || action != Later {
		t.Errorf("waiting with growing pauses is counted as a failure: %v, and has the action %q, want true and %q",
			counted, action, Later)
	}
	if !IsFailure(errors.New("x")) {
		t.Error("a defect is not counted as a failure")
	}
}

func TestUnlimited_IsNeverUsedUp(t *testing.T) {
	// Every failure costs at least the shortest pause.
	if years := float64(Unlimited) * 1.6 / 3600 / 24 / 365; years < 100 {
		t.Errorf("retries end after %.0f years, want 100 at least", years)
	}
}

func TestPollPause_IsAQuarterOfTheAgeWithinItsBounds(t *testing.T) {
	const low, high = 5 * time.Second, 10 * time.Minute
	for age, want := range map[time.Duration]time.Duration{
		-time.Hour: low, 0: low, 20 * time.Second: low, 24 * time.Second: 6 * time.Second, 4 * time.Minute: time.Minute,
		40 * time.Minute: high, 41 * time.Minute: high, 30 * 24 * time.Hour: high, math.MaxInt64: high, math.MinInt64: low,
	} {
		if got := PollPause(age, low, high); got != want {
			t.Errorf("at age %v the pause is %v, want %v", age, got, want)
		}
	}
	// A session that takes a day must not be polled too often.
	polls := 0
	for age := time.Duration(0); age < 24*time.Hour; age += PollPause(age, low, high) {
		polls++
	}
	if polls > 200 {
		t.Errorf("a session of a day takes %d polls, want 200 at most", polls)
	}
}

func ExampleJudge() {
	for _, err := range []error{
		&ksef.APIError{Op: "send invoice", Kind: ksef.KindThrottled, Status: 429, RetryAfter: 40 * time.Minute},
		&ksef.APIError{Op: "close session", Kind: ksef.KindOutage, Status: 502, MaybeDone: true},
		&ksef.APIError{Op: "open batch session", Kind: ksef.KindRefused, Status: 400, Code: 21405},
	} {
		v := Judge(fmt.Errorf("package pkg-1: %w", err))
		fmt.Println(v.Action, v.Delay, v.Reason)
	}
	// Output:
	// later 40m0s throttled
	// look_first 0s lost
	// never 0s refused
}
