package ratelimit

import (
	"errors"
	"testing"
	"time"

	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
)

// Two processes and a real Redis that goes away and comes back. The first is told 429 in between.
func owingWorld(t *testing.T) (first *PendingFreezes, second Store, srv *redisd.Server) {
	t.Helper()
	srv = redistest.StartWith(t, redisd.Options{AppendOnly: true})
	return NewPendingFreezes(NewRedis(redistest.Client(t, srv), "")), NewRedis(redistest.Client(t, srv), ""), srv
}

func TestPendingFreezes_ThrottledWhileTheStoreIsAway_HoldsItselfAndTellsThePoolLater(t *testing.T) {
	first, second, srv := owingWorld(t)
	must(t, srv.Kill())
	rest, _, err := first.Throttle(t.Context(), send, time.Hour)
	if err == nil || rest != time.Hour {
		t.Fatalf("rests for %s, error %v: want an hour, and to be told that nobody else knows", rest, err)
	}
	if err := first.Pay(t.Context()); err == nil {
		t.Error("paid to a store that is away")
	}
	must(t, srv.Restart(t.Context()))
	// Its own next request tells the pool before anything is booked.
	_, err = first.Book(t.Context(), Request{Key: send, Limits: three})
	if n := notNow(t, err); n.Reason != ReasonFrozen || n.Wait < 59*time.Minute || n.Wait > time.Hour {
		t.Errorf("%v, want frozen for what is left of the hour", n)
	}
	if _, strikes, err := second.Throttle(t.Context(), send, time.Minute); err != nil || strikes != 1 {
		t.Errorf("%d strikes (%v), want the one, although it was told late", strikes, err)
	}
	_, err = second.Book(t.Context(), Request{Key: send, Limits: three})
	notNow(t, err)
	mustBook(t, second, Request{Key: Key{send.Tenant, GroupBatchSession}, Limits: three})
}

func TestPendingFreezes_Pay_TellsThePoolWithoutARequest_AndOnce(t *testing.T) {
	first, second, srv := owingWorld(t)
	must(t, srv.Kill())
	for _, d := range []time.Duration{time.Minute, time.Hour, time.Minute} { // the longest counts
		if _, _, err := first.Throttle(t.Context(), send, d); err == nil {
			t.Fatal("the store is away, and nothing was said")
		}
	}
	if err := first.Freeze(t.Context(), Key{send.Tenant, "credentials"}, time.Minute); err == nil {
		t.Fatal("the store is away, and nothing was said")
	}
	must(t, srv.Restart(t.Context()))
	must(t, first.Pay(t.Context()))
	for group, least := range map[string]time.Duration{send.Group: 59 * time.Minute, "credentials": 50 * time.Second} {
		u, err := second.Usage(t.Context(), Key{send.Tenant, group}, nil)
		if err != nil || u.Frozen < least {
			t.Errorf("%s is frozen for %s (%v), want at least %s", group, u.Frozen, err, least)
		}
	}
	if len(first.owed) != 0 {
		t.Errorf("still owed: %v", first.owed)
	}
}

func TestPendingFreezes_NoTimeNamed_TheStoreSaysHowLong(t *testing.T) {
	first, second, srv := owingWorld(t)
	must(t, srv.Kill())
	if rest, _, err := first.Throttle(t.Context(), send, 0); err == nil || rest != firstRest {
		t.Fatalf("rests for %s (%v), want %s until the store can be asked", rest, err, firstRest)
	}
	must(t, srv.Restart(t.Context()))
	must(t, first.Pay(t.Context()))
	if u, err := second.Usage(t.Context(), send, nil); err != nil || u.Frozen < firstRest-time.Second {
		t.Errorf("frozen for %s (%v)", u.Frozen, err)
	}
}

func TestPendingFreezes_AFreezeThatPassedMeanwhile_IsForgotten(t *testing.T) {
	first, second, srv := owingWorld(t)
	must(t, srv.Kill())
	if _, _, err := first.Throttle(t.Context(), send, time.Millisecond); err == nil {
		t.Fatal("the store is away, and nothing was said")
	}
	must(t, srv.Restart(t.Context()))
	must(t, first.Pay(t.Context()))
	mustBook(t, second, Request{Key: send, Limits: three})
}

func notNow(t *testing.T, err error) *NotNow {
	t.Helper()
	n, ok := errors.AsType[*NotNow](err)
	if !ok {
		t.Fatalf("error is %v, want *NotNow", err)
	}
	return n
}
