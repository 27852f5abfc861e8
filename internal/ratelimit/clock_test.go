package ratelimit

import (
	"errors"
	"testing"
	"time"

	"ksefworker/internal/redisd/redistest"
)

// Two faults happen at once. Redis fails over to a server whose clock is hours behind, and the
// limiter's clock is lost. Requests that were booked before the faults still count, even if the
// first request after the faults is of another key.
func TestRedis_ClockGoneAfterAStepBack_NoWindowIsOverrun(t *testing.T) {
	client, _ := redistest.New(t)
	s := NewRedis(client, "test:")
	limits, other := Limits{{3, time.Hour}}, Key{"1", "g"}
	for what, lose := range map[string]func(){
		"the clock is deleted":             func() { client.Del(t.Context(), s.now()) },
		"the clock's key has another type": func() { spoil(t, client, s.now()) },
		"the clock is damaged":             func() { client.Set(t.Context(), s.now(), "noon", 0) },
	} {
		client.FlushAll(t.Context())
		for range 3 {
			mustBook(t, s, Request{Key: send, Limits: limits})
		}
		stepBack(t, client, s, send, 2*time.Hour)
		spoil(t, client, s.prefix+"rate:1:sick")
		lose()
		mustBook(t, s, Request{Key: other, Limits: limits}) // the log of this key is empty
		_, err := s.Book(t.Context(), Request{Key: send, Limits: limits})
		if n, ok := errors.AsType[*NotNow](err); !ok || n.Wait < 59*time.Minute || n.Wait > time.Hour+bookedAhead {
			t.Errorf("%s: the fourth request, where three an hour may go, gives %v, want a wait of an hour", what, err)
		}
		for range 2 {
			mustBook(t, s, Request{Key: other, Limits: limits})
		}
	}
}

// When only the limiter's clock is lost, it begins again at Redis's own time, even though requests
// are booked ahead of that time. If the clock jumped to these bookings, the window would be free
// too early.
func TestRedis_ClockGone_DoesNotJumpToWhatIsBookedAhead(t *testing.T) {
	client, _ := redistest.New(t)
	s := NewRedis(client, "test:")
	limits := Limits{{1, 20 * time.Second}}
	mustBook(t, s, Request{Key: send, Limits: limits})
	mustBook(t, s, Request{Key: send, Limits: limits, MaxWait: bookedAhead})
	client.Del(t.Context(), s.now())
	_, err := s.Book(t.Context(), Request{Key: send, Limits: limits})
	if n, ok := errors.AsType[*NotNow](err); !ok || n.Wait < 35*time.Second {
		t.Errorf("the third request, where one in 20 s may go, gives %v, want a wait of 40 s", err)
	}
}
