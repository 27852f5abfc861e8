package ratelimit

import (
	"errors"
	"testing"
	"time"

	"ksefworker/internal/redisd/redistest"
)

// A firewall in front of KSeF may answer 429 with a Retry-After of a year. Only a person can know
// that KSeF did not ask for that.
func TestThaw_PauseOfAYear_EndsAndWhatIsBookedStaysCounted(t *testing.T) {
	client, _ := redistest.New(t)
	s := NewRedis(client, "test:")
	if was, err := s.Thaw(t.Context(), send); was || err != nil {
		t.Fatalf("Thaw of a key that is not frozen gives %v (error %v), want false", was, err)
	}
	for range 3 {
		mustBook(t, s, Request{Key: send, Limits: three})
	}
	if _, _, err := s.Throttle(t.Context(), send, 365*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if was, err := s.Thaw(t.Context(), send); !was || err != nil {
		t.Fatalf("Thaw gives %v (error %v), want true", was, err)
	}
	u, err := s.Usage(t.Context(), send, three)
	if err != nil || u.Frozen != 0 || u.Windows[0].Used != 3 {
		t.Errorf("the usage is %+v (error %v), want no freeze and three booked", u, err)
	}
	_, err = s.Book(t.Context(), Request{Key: send, Limits: three})
	if n, ok := errors.AsType[*NotNow](err); !ok || n.Reason != ReasonLimit {
		t.Errorf("a booking in the full window gives %v, want a NotNow because of the limit", err)
	}
	if _, inARow, err := s.Throttle(t.Context(), send, 0); inARow != 1 || err != nil {
		t.Errorf("the next 429 is number %d in a row (%v), want 1", inARow, err)
	}
}

// A pause because of credentials or permissions ends when these are right, so nobody has to thaw
// it.
func TestThaw_FrozenForAnotherCause_StaysFrozen(t *testing.T) {
	client, _ := redistest.New(t)
	s := NewRedis(client, "test:")
	for _, why := range []Cause{CauseDenied, CauseCredentials} {
		k := Key{string(why), send.Group}
		if err := s.Freeze(t.Context(), k, time.Hour, why); err != nil {
			t.Fatal(err)
		}
		was, err := s.Thaw(t.Context(), k)
		if u, _ := s.Usage(t.Context(), k, nil); was || err != nil || u.Frozen == 0 {
			t.Errorf("%s: Thaw gives %v (error %v) and the usage is %+v, want the key still frozen", why, was, err, u)
		}
	}
}
