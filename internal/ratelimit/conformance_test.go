package ratelimit

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd/redistest"
)

// bothStores is what [Memory] and [Redis] offer together.
type bothStores interface {
	Store
	CircuitStore
}

func newRedisAt(client redis.UniversalClient, clock func() time.Time) *Redis {
	s := NewRedis(client, "test:")
	s.clock = clock
	return s
}

// overStores runs one suite over every store, each on a clock that the suite moves.
func overStores(t *testing.T, suite func(t *testing.T, s bothStores, h *hands)) {
	t.Run("memory", func(t *testing.T) {
		h := newHands()
		suite(t, NewMemory(h.now), h)
	})
	t.Run("redis", func(t *testing.T) {
		h := newHands()
		client, _ := redistest.New(t)
		suite(t, newRedisAt(client, h.now), h)
	})
	// The demo's stand-in for Redis runs Lua in an interpreter of its own.
	t.Run("miniredis", func(t *testing.T) {
		h := newHands()
		client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
		t.Cleanup(func() { _ = client.Close() })
		suite(t, newRedisAt(client, h.now), h)
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
		t.Fatalf("Book: %v", err)
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

func TestStore_CallersQueueUpInOrder(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		r := Request{Key: send, Limits: three, MaxWait: time.Minute}
		start := h.now()
		for i, want := range []time.Duration{0, 0, 0, 10*time.Second + tick, 10*time.Second + tick, 10*time.Second + tick, 20*time.Second + 2*tick} {
			b := mustBook(t, s, r)
			if b.Wait != want || !b.At.Equal(start.Add(want)) || b.Key != send {
				t.Errorf("booking %d: wait %s at +%s, want %s", i, b.Wait, b.At.Sub(start), want)
			}
		}
	})
}

func TestStore_BeyondMaxWait_NothingIsBooked(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		r := Request{Key: send, Limits: three}
		for range 3 {
			mustBook(t, s, r)
		}
		for range 5 {
			_, err := s.Book(t.Context(), r)
			wantNotNow(t, err, 10*time.Second+tick, ReasonLimit)
		}
		h.advance(10*time.Second + tick)
		mustBook(t, s, r)
	})
}

func TestStore_MaxWait_IsTakenToTheMicrosecond(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		for range 3 {
			mustBook(t, s, Request{Key: send, Limits: three})
		}
		_, err := s.Book(t.Context(), Request{Key: send, Limits: three, MaxWait: 10 * time.Second})
		wantNotNow(t, err, 10*time.Second+tick, ReasonLimit)
		mustBook(t, s, Request{Key: send, Limits: three, MaxWait: 10*time.Second + tick})
	})
}

func TestStore_AskOnly_TellsTheWaitAndBooksNothing(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
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
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		for _, k := range []Key{send, {"1111111111", send.Group}, {send.Tenant, GroupBatchSession}, {send.Tenant, Other("a")}, {send.Tenant, Other("b")}} {
			for range 3 {
				mustBook(t, s, Request{Key: k, Limits: three})
			}
			_, err := s.Book(t.Context(), Request{Key: k, Limits: three})
			wantNotNow(t, err, 10*time.Second+tick, ReasonLimit)
		}
	})
}

func TestStore_Margin_WidensEveryWindow(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		r := Request{Key: send, Limits: Limits{{1, time.Second}}, Margin: 300 * time.Millisecond, MaxWait: time.Minute}
		mustBook(t, s, r)
		if b := mustBook(t, s, r); b.Wait != 1300*time.Millisecond+tick {
			t.Errorf("wait %s, want 1.300001s", b.Wait)
		}
	})
}

func TestStore_Reserve_LeavesPlacesToTheUrgent(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
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
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		bulk := Request{Key: send, Limits: Limits{{2, 10 * time.Second}}, Reserve: 1, MaxWait: time.Hour}
		for i := range 4 {
			if b := mustBook(t, s, bulk); b.Wait != time.Duration(i)*(10*time.Second+tick) {
				t.Fatalf("bulk %d waits %s", i, b.Wait)
			}
		}
		urgent := bulk
		urgent.Reserve = 0
		if b := mustBook(t, s, urgent); b.Wait != 0 {
			t.Errorf("urgent waits %s behind bulk, want 0", b.Wait)
		}
		// The next one must still keep clear of what bulk has booked: the window that ends at bulk's second instant is full now.
		if b := mustBook(t, s, urgent); b.Wait != 10*time.Second+tick {
			t.Errorf("second urgent waits %s, want 10.000001s", b.Wait)
		}
	})
}

func TestStore_ReserveAboveTheLimit_LeavesOnePlace(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		r := Request{Key: send, Limits: three, Reserve: 100}
		mustBook(t, s, r)
		_, err := s.Book(t.Context(), r)
		wantNotNow(t, err, 10*time.Second+tick, ReasonLimit)
	})
}

func TestStore_Unlimited_IsHeldBackByAFreezeAlone(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		r := Request{Key: send}
		b := mustBook(t, s, r)
		if err := s.Cancel(t.Context(), b); err != nil {
			t.Errorf("Cancel: %v", err)
		}
		for range 100 {
			mustBook(t, s, r)
		}
		if err := s.Freeze(t.Context(), send, time.Minute); err != nil {
			t.Fatal(err)
		}
		_, err := s.Book(t.Context(), r)
		wantNotNow(t, err, time.Minute, ReasonFrozen)
	})
}

func TestStore_ChangeOfLimits_ForgetsNothing(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		hour := Request{Key: send, Limits: Limits{{4, time.Hour}}}
		second := Request{Key: send, Limits: Limits{{10, time.Second}}}
		start := h.now()
		mustBook(t, s, hour)
		for range 3 {
			h.advance(time.Minute)
			mustBook(t, s, second) // the hour is not asked for now, and is remembered all the same
		}
		_, err := s.Book(t.Context(), hour)
		wantNotNow(t, err, start.Add(time.Hour+tick).Sub(h.now()), ReasonLimit)
	})
}

func TestStore_LoweredLimits_CountWhatWasBookedUnderTheOld(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		for range 5 {
			mustBook(t, s, Request{Key: send, Limits: Limits{{5, time.Minute}}})
		}
		_, err := s.Book(t.Context(), Request{Key: send, Limits: Limits{{2, time.Minute}}})
		wantNotNow(t, err, time.Minute+tick, ReasonLimit)
	})
}

func TestStore_Usage_CountsAsKSeFWould(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		limits := Limits{{2, time.Second}, {5, time.Minute}}
		r := Request{Key: send, Limits: limits, MaxWait: time.Hour}
		mustBook(t, s, r)
		h.advance(time.Second) // exactly: the closed window still holds it
		mustBook(t, s, r)
		mustBook(t, s, r) // booked one tick ahead
		u, err := s.Usage(t.Context(), send, limits)
		if err != nil {
			t.Fatal(err)
		}
		if u.Ahead != 1 || u.Windows[0] != (WindowUsage{limits[0], 3, 0, tick}) || u.Windows[1] != (WindowUsage{limits[1], 3, 2, 59*time.Second + tick}) {
			t.Errorf("usage %+v; want 1 ahead, 3 of 2 and 3 of 5 used", u)
		}
	})
}

func TestStore_NonsenseIsRefusedWithItsName(t *testing.T) {
	tests := []struct {
		name string
		r    Request
		want string
	}{
		{"no tenant", Request{Key: Key{"", "x"}}, "tenant"},
		{"a tenant with the separator", Request{Key: Key{"a:b", "x"}}, "colon"},
		{"no group", Request{Key: Key{"a", ""}}, "group"},
		{"limit zero", Request{Key: send, Limits: Limits{{0, time.Second}}}, "limit 0"},
		{"negative margin", Request{Key: send, Margin: -1}, "margin"},
		{"negative reserve", Request{Key: send, Reserve: -1}, "reserve"},
	}
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		for _, tt := range tests {
			if _, err := s.Book(t.Context(), tt.r); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: error %v, want one about %q", tt.name, err, tt.want)
			}
		}
		if err := s.Freeze(t.Context(), Key{}, time.Second); err == nil {
			t.Error("Freeze took an empty key")
		}
		if _, err := s.Usage(t.Context(), Key{}, nil); err == nil {
			t.Error("Usage took an empty key")
		}
	})
}

func TestStore_ManyAtOnce_ShareOneLine(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
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
