package ratelimit

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
)

func held(t *testing.T, s Store) *NotNow {
	t.Helper()
	_, err := s.Book(t.Context(), Request{Key: send, Limits: three})
	n, _ := errors.AsType[*NotNow](err)
	return n
}

// After a restart of Redis, a worker that does not know of the 429 may connect before the worker
// that received it.
func TestHold_RedisRestarted_NothingIsBookedForAWhile(t *testing.T) {
	first, second, srv := twoProcesses(t)
	mustBook(t, second, Request{Key: send, Limits: three})
	must(t, srv.Kill())
	if _, _, err := first.Throttle(t.Context(), send, time.Hour); err == nil {
		t.Fatal("Throttle gives no error although the store is away")
	}
	must(t, srv.Restart(t.Context()))
	n := held(t, second)
	if n == nil || n.Cause != CauseRestart || n.Wait < holdTime/2 || n.Wait > holdTime ||
		!strings.Contains(n.Error(), "Redis was restarted") {
		t.Fatalf("the booking gives %v, want a wait of %s to %s because of the restart", n, holdTime/2, holdTime)
	}
	must(t, first.Flush(t.Context()))
	if n := held(t, second); n == nil || n.Cause != CauseThrottled || n.Wait < 59*time.Minute {
		t.Errorf("the booking gives %v, want frozen for the hour that the 429 named", n)
	}
}

// After a restart, any script may be the first that Redis gets, so each one must hold the pool.
func TestHold_AnyFirstCall_HoldsTheWholePoolOnce(t *testing.T) {
	client, _ := redistest.New(t)
	s := NewRedis(client, "test:")
	other := Key{send.Tenant, GroupBatchSession}
	booked := mustBook(t, s, Request{Key: send, Limits: three}) // a fresh pool is not held
	for name, call := range map[string]func() error{
		"usage": func() error { _, err := s.Usage(t.Context(), other, nil); return err },
		"thaw":  func() error { _, err := s.Thaw(t.Context(), other); return err },
		"book": func() error {
			_, err := s.Book(t.Context(), Request{Key: other, Limits: three, MaxWait: time.Minute})
			return err
		},
	} {
		must(t, client.ScriptFlush(t.Context()).Err())
		must(t, call())
		if n := held(t, s); n == nil || n.Cause != CauseRestart {
			t.Errorf("%s: a booking of another group gives %v, want it held because of the restart", name, n)
		}
		u, err := s.Usage(t.Context(), send, nil)
		if err != nil || u.Held <= 0 || u.Held > holdTime || u.Frozen != 0 {
			t.Errorf("%s: the usage is %+v (error %v), want held and not frozen", name, u, err)
		}
		must(t, client.Del(t.Context(), "test:rate-clock:hold").Err())
		must(t, s.Cancel(t.Context(), booked)) // loads a script that Redis does not know
		if u, err = s.Usage(t.Context(), send, nil); err != nil || u.Held != 0 {
			t.Errorf("%s: the hold was removed, and another script was loaded: the usage is %+v (error %v), want no new hold", name, u, err)
		}
	}
}

// A caller that has booked an instant sleeps while Redis restarts. It must not go at that instant,
// because all bookings are held for a while after the restart.
func TestHold_CallerSleepsThroughTheRestart_ItWaitsForTheHold(t *testing.T) {
	srv := redistest.StartWith(t, redisd.Options{AppendOnly: true})
	s := NewRedis(redistest.Client(t, srv), "")
	mustBook(t, s, Request{Key: send, Limits: Limits{{1, time.Second}}})
	b := mustBook(t, s, Request{Key: send, Limits: Limits{{1, time.Second}}, MaxWait: time.Minute})
	must(t, srv.Kill())
	must(t, srv.Restart(t.Context()))
	l := &Limiter{store: s}
	if mayGo, err := l.recheck(t.Context(), b, time.Now()); mayGo || err != nil {
		t.Errorf("the caller may go: %v (error %v), want false until the hold is over", mayGo, err)
	}
}
