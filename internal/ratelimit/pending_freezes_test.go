package ratelimit

import (
	"errors"
	"testing"
	"time"

	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
)

// twoProcesses returns the stores of two processes, and the real Redis that both use. The tests
// stop this Redis and start it again. Meanwhile the first process gets a 429.
func twoProcesses(t *testing.T) (first *PendingFreezes, second Store, srv *redisd.Server) {
	t.Helper()
	srv = redistest.StartWith(t, redisd.Options{AppendOnly: true})
	return NewPendingFreezes(NewRedis(redistest.Client(t, srv), "")), NewRedis(redistest.Client(t, srv), ""), srv
}

func TestPendingFreezes_ThrottledWhileTheStoreIsAway_StopsThisProcessAndThePoolLater(t *testing.T) {
	first, second, srv := twoProcesses(t)
	must(t, srv.Kill())
	rest, _, err := first.Throttle(t.Context(), send, time.Hour)
	if err == nil || rest != time.Hour {
		t.Fatalf("the key is frozen for %s (error %v), want an hour, and an error because no other process knows", rest, err)
	}
	if err := first.Flush(t.Context()); err == nil {
		t.Error("Flush gives no error although the store is away")
	}
	must(t, srv.Restart(t.Context()))
	// The next request of the first process writes the freeze before it books.
	_, err = first.Book(t.Context(), Request{Key: send, Limits: three})
	if n := notNow(t, err); n.Reason != ReasonFrozen || n.Wait < 59*time.Minute || n.Wait > time.Hour {
		t.Errorf("the booking gives %v, want frozen for the rest of the hour", n)
	}
	if _, strikes429, err := second.Throttle(t.Context(), send, time.Minute); err != nil || strikes429 != 1 {
		t.Errorf("%d answers 429 are counted (error %v), want 1: that of the first process, which was written late", strikes429, err)
	}
	_, err = second.Book(t.Context(), Request{Key: send, Limits: three})
	notNow(t, err)
	mustBook(t, second, Request{Key: Key{send.Tenant, GroupBatchSession}, Limits: three})
}

func TestPendingFreezes_Flush_TellsThePoolWithoutARequest(t *testing.T) {
	first, second, srv := twoProcesses(t)
	must(t, srv.Kill())
	for _, d := range []time.Duration{time.Minute, time.Hour, time.Minute} { // the longest counts
		if _, _, err := first.Throttle(t.Context(), send, d); err == nil {
			t.Fatal("Throttle gives no error although the store is away")
		}
	}
	if err := first.Freeze(t.Context(), Key{send.Tenant, "credentials"}, time.Minute, CauseCredentials); err == nil {
		t.Fatal("Freeze gives no error although the store is away")
	}
	must(t, srv.Restart(t.Context()))
	must(t, first.Flush(t.Context()))
	for group, want := range map[string]Usage{
		send.Group:    {Frozen: 59 * time.Minute, Cause: CauseThrottled},
		"credentials": {Frozen: 50 * time.Second, Cause: CauseCredentials},
	} {
		u, err := second.Usage(t.Context(), Key{send.Tenant, group}, nil)
		if err != nil || u.Frozen < want.Frozen || u.Cause != want.Cause {
			t.Errorf("group %s is frozen for %s, cause %s (error %v), want at least %s, cause %s",
				group, u.Frozen, u.Cause, err, want.Frozen, want.Cause)
		}
	}
	if len(first.pending) != 0 {
		t.Errorf("the freezes %v are still pending, want none", first.pending)
	}
}

func TestPendingFreezes_DeniedForLongerThanThrottled_SaysBoth(t *testing.T) {
	first, second, srv := twoProcesses(t)
	must(t, srv.Kill())
	if err := first.Freeze(t.Context(), send, time.Hour, CauseDenied); err == nil {
		t.Fatal("Freeze gives no error although the store is away")
	}
	if _, _, err := first.Throttle(t.Context(), send, time.Minute); err == nil {
		t.Fatal("Throttle gives no error although the store is away")
	}
	must(t, srv.Restart(t.Context()))
	must(t, first.Flush(t.Context()))
	u, err := second.Usage(t.Context(), send, nil)
	if err != nil || u.Frozen < 59*time.Minute || u.Cause != CauseDenied {
		t.Errorf("the key is frozen for %s, cause %s (error %v), want an hour, cause %s", u.Frozen, u.Cause, err, CauseDenied)
	}
	if _, strikes429, err := second.Throttle(t.Context(), send, time.Second); err != nil || strikes429 != 1 {
		t.Errorf("%d answers 429 are counted (error %v), want 1: that of the first process", strikes429, err)
	}
}

func TestPendingFreezes_NoTimeNamed_TheStoreDecidesHowLong(t *testing.T) {
	first, second, srv := twoProcesses(t)
	must(t, srv.Kill())
	if rest, _, err := first.Throttle(t.Context(), send, 0); err == nil || rest != firstRest {
		t.Fatalf("the key is frozen for %s (error %v), want %s until the store can be asked, and an error", rest, err, firstRest)
	}
	must(t, srv.Restart(t.Context()))
	must(t, first.Flush(t.Context()))
	if u, err := second.Usage(t.Context(), send, nil); err != nil || u.Frozen < firstRest-time.Second {
		t.Errorf("the key is frozen for %s (error %v), want the store's own first freeze of %s", u.Frozen, err, firstRest)
	}
}

func TestPendingFreezes_AFreezeThatEndedMeanwhile_IsDropped(t *testing.T) {
	first, second, srv := twoProcesses(t)
	must(t, srv.Kill())
	if _, _, err := first.Throttle(t.Context(), send, time.Millisecond); err == nil {
		t.Fatal("Throttle gives no error although the store is away")
	}
	must(t, srv.Restart(t.Context()))
	must(t, first.Flush(t.Context()))
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
