package ratelimit

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd/redistest"
)

// fullStore is the interface that [Memory] and [Redis] have in common.
type fullStore interface {
	Store
	CircuitStore
}

func newRedisAt(client redis.UniversalClient, clock func() time.Time) *Redis {
	s := NewRedis(client, "test:")
	s.clock = clock
	return s
}

// eachStore runs one suite over every store, each with a clock that the suite moves.
func eachStore(t *testing.T, suite func(t *testing.T, s fullStore, clock *fakeClock)) {
	t.Run("memory", func(t *testing.T) {
		clock := newFakeClock()
		suite(t, NewMemory(clock.now), clock)
	})
	t.Run("redis", func(t *testing.T) {
		clock := newFakeClock()
		client, _ := redistest.New(t)
		suite(t, newRedisAt(client, clock.now), clock)
	})
	// The demo's stand-in for Redis runs Lua in an interpreter of its own.
	t.Run("miniredis", func(t *testing.T) {
		clock := newFakeClock()
		client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
		t.Cleanup(func() { _ = client.Close() })
		suite(t, newRedisAt(client, clock.now), clock)
	})
}

var (
	send  = Key{"5265877635", GroupInvoiceSend}
	three = Limits{{3, 10 * time.Second}}
)

func mustBook(t *testing.T, s Store, r Request) Booking {
	t.Helper()
	b, err := s.Book(t.Context(), r)
	if err != nil {
		t.Fatalf("Book gives the error %v", err)
	}
	return b
}

func wantNotNow(t *testing.T, err error, wait time.Duration, reason Reason) {
	t.Helper()
	var n *NotNow
	if !errors.As(err, &n) {
		t.Fatalf("error is %v, want *NotNow", err)
	}
	if n.Wait != wait || n.Reason != reason {
		t.Fatalf("NotNow{Wait: %s, Reason: %s}, want %s, %s", n.Wait, n.Reason, wait, reason)
	}
}

func TestStore_Callers_AreBookedInOrderOfArrival(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		r := Request{Key: send, Limits: three, MaxWait: time.Minute}
		start := clock.now()
		const turn = 10*time.Second + tick
		for i, want := range []time.Duration{0, 0, 0, turn, turn, turn, 2 * turn} {
			b := mustBook(t, s, r)
			if b.Wait != want || !b.At.Equal(start.Add(want)) || b.Key != send {
				t.Errorf("booking %d waits %s and is at +%s, want %s for both; its key is %v, want %v",
					i, b.Wait, b.At.Sub(start), want, b.Key, send)
			}
		}
	})
}

func TestStore_BeyondMaxWait_NothingIsBooked(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		r := Request{Key: send, Limits: three}
		for range 3 {
			mustBook(t, s, r)
		}
		for range 5 {
			_, err := s.Book(t.Context(), r)
			wantNotNow(t, err, 10*time.Second+tick, ReasonLimit)
		}
		clock.advance(10*time.Second + tick)
		mustBook(t, s, r)
	})
}

func TestStore_MaxWait_IsExactToTheMicrosecond(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		for range 3 {
			mustBook(t, s, Request{Key: send, Limits: three})
		}
		_, err := s.Book(t.Context(), Request{Key: send, Limits: three, MaxWait: 10 * time.Second})
		wantNotNow(t, err, 10*time.Second+tick, ReasonLimit)
		mustBook(t, s, Request{Key: send, Limits: three, MaxWait: 10*time.Second + tick})
	})
}

func TestStore_AskOnly_TellsTheWaitAndBooksNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		for range 5 {
			_, err := s.Book(t.Context(), Request{Key: send, Limits: three, MaxWait: AskOnly})
			wantNotNow(t, err, 0, ReasonLimit)
		}
		u, err := s.Usage(t.Context(), send, three)
		if err != nil || u.Windows[0].Used != 0 {
			t.Fatalf("usage %+v, %v; want nothing used", u, err)
		}
	})
}

func TestStore_TenantsAndGroupsDoNotShare(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		for _, k := range []Key{
			send, {"1111111111", send.Group}, {send.Tenant, GroupBatchSession},
			{send.Tenant, Other("a")}, {send.Tenant, Other("b")},
		} {
			for range 3 {
				mustBook(t, s, Request{Key: k, Limits: three})
			}
			_, err := s.Book(t.Context(), Request{Key: k, Limits: three})
			wantNotNow(t, err, 10*time.Second+tick, ReasonLimit)
		}
	})
}

func TestStore_Margin_WidensEveryWindow(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		r := Request{Key: send, Limits: Limits{{1, time.Second}}, Margin: 300 * time.Millisecond, MaxWait: time.Minute}
		mustBook(t, s, r)
		if b := mustBook(t, s, r); b.Wait != 1300*time.Millisecond+tick {
			t.Errorf("the second booking waits %s, want 1.300001s", b.Wait)
		}
	})
}

func TestStore_Reserve_LeavesPlacesToTheUrgent(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		bulk := Request{Key: send, Limits: Limits{{5, 10 * time.Second}}, Reserve: 2}
		urgent := bulk
		urgent.Reserve = 0
		for range 3 {
			mustBook(t, s, bulk)
		}
		_, err := s.Book(t.Context(), bulk)
		wantNotNow(t, err, 10*time.Second+tick, ReasonLimit)
		for range 2 {
			mustBook(t, s, urgent)
		}
		_, err = s.Book(t.Context(), urgent)
		wantNotNow(t, err, 10*time.Second+tick, ReasonLimit)
	})
}

func TestStore_Urgent_PassesBulkThatIsBookedAhead(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		bulk := Request{Key: send, Limits: Limits{{2, 10 * time.Second}}, Reserve: 1, MaxWait: time.Hour}
		for i := range 4 {
			if b := mustBook(t, s, bulk); b.Wait != time.Duration(i)*(10*time.Second+tick) {
				t.Fatalf("booking %d of the bulk waits %s, want %s", i, b.Wait, time.Duration(i)*(10*time.Second+tick))
			}
		}
		urgent := bulk
		urgent.Reserve = 0
		if b := mustBook(t, s, urgent); b.Wait != 0 {
			t.Errorf("the urgent booking waits %s behind the bulk, want 0", b.Wait)
		}
		// Bulk and urgent have one booking each at this instant. They fill the window, so the next
		// booking waits until the window has passed.
		if b := mustBook(t, s, urgent); b.Wait != 10*time.Second+tick {
			t.Errorf("the second urgent booking waits %s, want 10.000001s", b.Wait)
		}
	})
}

func TestStore_ReserveAboveTheLimit_LeavesOnePlace(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		r := Request{Key: send, Limits: three, Reserve: 100}
		mustBook(t, s, r)
		_, err := s.Book(t.Context(), r)
		wantNotNow(t, err, 10*time.Second+tick, ReasonLimit)
	})
}

func TestStore_Unlimited_OnlyAFreezeDelaysIt(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		r := Request{Key: send}
		b := mustBook(t, s, r)
		if err := s.Cancel(t.Context(), b); err != nil {
			t.Errorf("Cancel of an unlimited booking gives the error %v", err)
		}
		for range 100 {
			mustBook(t, s, r)
		}
		if err := s.Freeze(t.Context(), send, time.Minute, CauseDenied); err != nil {
			t.Fatal(err)
		}
		_, err := s.Book(t.Context(), r)
		wantNotNow(t, err, time.Minute, ReasonFrozen)
	})
}

func TestStore_ChangeOfLimits_ForgetsNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		hour := Request{Key: send, Limits: Limits{{4, time.Hour}}}
		second := Request{Key: send, Limits: Limits{{10, time.Second}}}
		start := clock.now()
		mustBook(t, s, hour)
		for range 3 {
			clock.advance(time.Minute)
			mustBook(t, s, second) // the hour is remembered although this request does not name it
		}
		_, err := s.Book(t.Context(), hour)
		wantNotNow(t, err, start.Add(time.Hour+tick).Sub(clock.now()), ReasonLimit)
	})
}

func TestStore_LoweredLimits_CountWhatWasBookedBefore(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		for range 5 {
			mustBook(t, s, Request{Key: send, Limits: Limits{{5, time.Minute}}})
		}
		_, err := s.Book(t.Context(), Request{Key: send, Limits: Limits{{2, time.Minute}}})
		wantNotNow(t, err, time.Minute+tick, ReasonLimit)
	})
}

func TestStore_Usage_CountsAsKSeFWould(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		limits := Limits{{2, time.Second}, {5, time.Minute}}
		r := Request{Key: send, Limits: limits, MaxWait: time.Hour}
		mustBook(t, s, r)
		clock.advance(time.Second) // exactly one window, which is closed and still holds the first booking
		mustBook(t, s, r)
		mustBook(t, s, r) // booked one tick ahead
		u, err := s.Usage(t.Context(), send, limits)
		if err != nil {
			t.Fatal(err)
		}
		want := []WindowUsage{{limits[0], 3, 0, tick}, {limits[1], 3, 2, 59*time.Second + tick}}
		if u.Ahead != 1 || !slices.Equal(u.Windows, want) {
			t.Errorf("the usage is %+v, want one booked ahead, and the windows %+v", u, want)
		}
	})
}

func TestStore_InvalidRequests_AreRefusedByName(t *testing.T) {
	tests := []struct {
		name string
		r    Request
		want string
	}{
		{"no tenant", Request{Key: Key{"", "x"}}, "tenant"},
		{"a tenant with a colon", Request{Key: Key{"a:b", "x"}}, "colon"},
		{"no group", Request{Key: Key{"a", ""}}, "group"},
		{"limit zero", Request{Key: send, Limits: Limits{{0, time.Second}}}, "limit 0"},
		{"negative margin", Request{Key: send, Margin: -1}, "margin"},
		{"negative reserve", Request{Key: send, Reserve: -1}, "reserve"},
	}
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		for _, tt := range tests {
			if _, err := s.Book(t.Context(), tt.r); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: error %v, want one about %q", tt.name, err, tt.want)
			}
		}
		if err := s.Freeze(t.Context(), Key{}, time.Second, CauseDenied); err == nil {
			t.Error("Freeze accepted an empty key")
		}
		if _, err := s.Usage(t.Context(), Key{}, nil); err == nil {
			t.Error("Usage accepted an empty key")
		}
	})
}

func TestStore_ManyAtOnce_OverrunNoWindow(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		r := Request{Key: send, Limits: Limits{{5, time.Second}, {12, time.Minute}}, MaxWait: time.Hour}
		var mu sync.Mutex
		var wg sync.WaitGroup
		got := map[time.Time]int{}
		for range 8 {
			wg.Go(func() {
				for range 5 {
					b, err := s.Book(context.Background(), r)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					got[b.At]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		var booked []time.Time
		for at, n := range got {
			for range n {
				booked = append(booked, at)
			}
		}
		assertNoWindowOverrun(t, booked, r.Limits)
	})
}
