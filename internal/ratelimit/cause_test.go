package ratelimit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/redisd/redistest"
)

// A caller that has to wait is told the cause of the freeze.
func TestStore_Freeze_SaysItsCauseToWhoeverWaits(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		wants := func(want Cause) {
			t.Helper()
			u, err := s.Usage(t.Context(), send, nil)
			if err != nil || u.Cause != want {
				t.Errorf("the usage has the cause %q (error %v), want %q", u.Cause, err, want)
			}
			_, err = s.Book(t.Context(), Request{Key: send, Limits: three})
			if n, _ := errors.AsType[*NotNow](err); want != "" && (n == nil || n.Cause != want) {
				t.Errorf("a caller is told %v, want the cause %q", err, want)
			}
		}
		_, _, err := s.Throttle(t.Context(), send, time.Minute)
		must(t, err)
		wants(CauseThrottled)
		must(t, s.Freeze(t.Context(), send, time.Hour, CauseDenied))
		wants(CauseDenied)
		_, _, err = s.Throttle(t.Context(), send, time.Minute) // the longer freeze is the one that counts
		must(t, err)
		wants(CauseDenied)
		_, _, err = s.Throttle(t.Context(), send, 2*time.Hour)
		must(t, err)
		wants(CauseThrottled)
		clock.advance(2 * time.Hour)
		wants(CauseUnknown)
	})
}

// Workers of two versions share one Redis, and the older version knows nothing of causes.
func TestRedis_FreezeOfAnOlderVersion_HasNoCause(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		r, ok := s.(*Redis)
		if !ok {
			t.Skip("kept in memory")
		}
		must(t, s.Freeze(t.Context(), send, time.Minute, CauseDenied))
		why := r.key(send) + ":why"
		kept := r.client.Get(t.Context(), why).Val()
		must(t, s.Freeze(t.Context(), send, time.Hour, CauseThrottled))
		// An older worker writes no cause. So after its freeze, Redis still holds the cause of the
		// freeze before.
		must(t, r.client.Set(t.Context(), why, kept, 0).Err())
		for _, left := range []func() error{
			func() error { return nil },
			func() error { return r.client.Set(t.Context(), why, "no cause", 0).Err() },
			func() error { return r.client.Del(t.Context(), why).Err() },
		} {
			must(t, left())
			_, err := s.Book(t.Context(), Request{Key: send, Limits: three})
			if n, _ := errors.AsType[*NotNow](err); n == nil || n.Cause != CauseUnknown ||
				!strings.Contains(n.Error(), "KSeF asked to wait") {
				t.Errorf("a caller is told %v, want a freeze whose cause is not known", err)
			}
			all, err := r.Usages(t.Context(), []Key{send}, nil)
			if u := all[send]; err != nil || u.Frozen != time.Hour || u.Cause != CauseUnknown {
				t.Errorf("the usages are %+v (error %v), want the key frozen for an hour without a cause", all, err)
			}
		}
	})
}

func TestRedis_CauseOfAFreeze_LivesNoLongerThanTheFreeze(t *testing.T) {
	client, _ := redistest.New(t)
	s := NewRedis(client, "test:")
	must(t, s.Freeze(t.Context(), send, time.Minute, CauseDenied))
	if ttl := client.PTTL(t.Context(), s.key(send)+":why").Val(); ttl < 59*time.Second || ttl > 62*time.Second {
		t.Errorf("the cause expires after %s, want about a minute", ttl)
	}
}

func TestNotNow_Frozen_NamesTheCauseAlone(t *testing.T) {
	for cause, want := range map[Cause]string{
		CauseThrottled: "tenant t, group g rests, because KSeF answered too many requests (429)",
		CauseDenied: "tenant t, group g rests, because KSeF refuses everything of the tenant (410): " +
			"check whether its key belongs to another taxpayer",
		CauseUnknown: "tenant t, group g rests, because KSeF asked to wait",
	} {
		if got := fmt.Sprint(&NotNow{Reason: ReasonFrozen, Cause: cause, Key: Key{"t", "g"}}); got != want {
			t.Errorf("the text of a freeze with the cause %q is %q, want %q", cause, got, want)
		}
	}
}
