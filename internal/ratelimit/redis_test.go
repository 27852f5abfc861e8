package ratelimit

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd/redistest"
)

func TestRedis_TakesInstantsFromItsOwnClock(t *testing.T) {
	client, _ := redistest.New(t)
	s := NewRedis(client, "test:")
	before := client.Time(t.Context()).Val()
	b := mustBook(t, s, Request{Key: send, Limits: three})
	after := client.Time(t.Context()).Val()
	if b.At.Before(before) || b.At.After(after) || b.Wait != 0 {
		t.Errorf("the booked instant is %s (wait %s), want no wait and an instant between %s and %s on Redis's clock",
			b.At, b.Wait, before, after)
	}
}

// The clock inside a synctest bubble starts in the year 2000, like that of a worker whose clock is
// decades off.
func TestRedis_AWorkersWrongClock_ChangesNothing(t *testing.T) {
	srv := redistest.Start(t)
	right := NewRedis(redistest.Client(t, srv), "test:")
	limits := Limits{{3, time.Hour}}
	for range 2 {
		mustBook(t, right, Request{Key: send, Limits: limits})
	}
	options, err := redis.ParseURL(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		client := redis.NewClient(options)
		defer client.Close()
		if time.Now().Year() > 2001 {
			t.Fatal("the bubble's clock is not wrong")
		}
		wrong := NewRedis(client, "test:")
		if b := mustBook(t, wrong, Request{Key: send, Limits: limits}); b.Wait != 0 || b.At.Year() < 2020 {
			t.Errorf("the third booking is %+v, want one at once on Redis's clock", b)
		}
		var n *NotNow
		_, err := wrong.Book(t.Context(), Request{Key: send, Limits: limits})
		if !errors.As(err, &n) || n.Wait < 59*time.Minute || n.Wait > time.Hour+tick {
			t.Errorf("the fourth booking gives %v, want a wait of about an hour", err)
		}
	})
}

func TestRedis_ManyProcesses_OverrunNothingAndWasteNothing(t *testing.T) {
	srv := redistest.Start(t)
	limits := Limits{{4, 10 * time.Second}, {12, time.Minute}}
	const each, processes = 12, 4
	var mu sync.Mutex
	var booked []time.Time
	var wg sync.WaitGroup
	for range processes {
		s := NewRedis(redistest.Client(t, srv), "test:")
		wg.Go(func() {
			for range each {
				b, err := s.Book(t.Context(), Request{Key: send, Limits: limits, MaxWait: time.Hour})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				booked = append(booked, b.At)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	assertNoWindowOverrun(t, booked, limits)
	first, last := booked[0], booked[0]
	for _, at := range booked {
		if at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	// 48 requests are four times twelve. The last twelve start three minutes after the first
	// request, and take two more windows of 10 s.
	if span, ideal := last.Sub(first), 3*time.Minute+20*time.Second; span > ideal+5*time.Second {
		t.Errorf("48 requests were spread over %s, want about %s", span, ideal)
	}
}

func TestRedis_ScriptsFlushed_AreLoadedAgain(t *testing.T) {
	client, _ := redistest.New(t)
	s := NewRedis(client, "test:")
	mustBook(t, s, Request{Key: send, Limits: three})
	if err := client.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	mustBook(t, s, Request{Key: send, Limits: three, MaxWait: holdTime})
}

func TestRedis_Key_ExpiresWhenNothingInItMatters(t *testing.T) {
	tests := []struct {
		name string
		do   func(t *testing.T, s *Redis)
		want time.Duration
	}{
		{"one booking lives for its longest window", func(t *testing.T, s *Redis) {
			mustBook(t, s, Request{Key: send, Limits: Limits{{1, time.Second}, {5, time.Hour}}, Margin: time.Second})
		}, time.Hour + time.Second},
		{"a booking ahead lives on from its instant", func(t *testing.T, s *Redis) {
			for range 2 {
				mustBook(t, s, Request{Key: send, Limits: Limits{{1, time.Hour}}, MaxWait: 2 * time.Hour})
			}
		}, 2 * time.Hour},
		{"a freeze lives to its end, and through the gentle start after it", func(t *testing.T, s *Redis) {
			if err := s.Freeze(t.Context(), send, 3*time.Hour, CauseDenied); err != nil {
				t.Fatal(err)
			}
		}, 3*time.Hour + time.Minute},
	}
	client, _ := redistest.New(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client.FlushDB(t.Context())
			tt.do(t, NewRedis(client, "test:"))
			ttl := client.PTTL(t.Context(), "test:rate:5265877635:invoiceSend").Val()
			if ttl < tt.want-10*time.Second || ttl > tt.want+2*time.Second {
				t.Errorf("the key expires after %s, want about %s", ttl, tt.want)
			}
		})
	}
}

func TestRedis_LogOfAnotherVersion_IsAnError(t *testing.T) {
	client, _ := redistest.New(t)
	client.Set(t.Context(), "test:rate:5265877635:invoiceSend", strings.Repeat("\x02", 24), 0)
	_, err := NewRedis(client, "test:").Book(t.Context(), Request{Key: send, Limits: three})
	if err == nil || !strings.Contains(err.Error(), "another version") {
		t.Errorf("error %v, want one about the version", err)
	}
}

func TestRedis_Unreachable_NothingMayGo(t *testing.T) {
	srv := redistest.Start(t)
	options, err := redis.ParseURL(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries = -1
	client := redis.NewClient(options)
	defer client.Close()
	if err := srv.Stop(); err != nil {
		t.Fatal(err)
	}
	l, err := New(NewRedis(client, "test:"), Options{Defaults: Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	var n *NotNow
	if err := l.Wait(t.Context(), send.Tenant, send.Group); err == nil || errors.As(err, &n) {
		t.Errorf("Wait without Redis: %v, want Redis's own error", err)
	}
}

// For comparison: as a list of numbers, the instants of a full hour of invoiceSend take 2.2 kB.
func TestRedis_AFullHourOfSends_TakesLittleMemory(t *testing.T) {
	clock := newFakeClock()
	client, _ := redistest.New(t)
	s := newRedisAt(client, clock.now)
	for _, tt := range []struct {
		group string
		limit int64
	}{{GroupInvoiceSend, 2000}, {GroupInvoiceStatus, 10500}} {
		limits := Defaults()[tt.group]
		for range limits[2].Limit {
			mustBook(t, s, Request{Key: Key{send.Tenant, tt.group}, Limits: limits})
			clock.advance(2100 * time.Millisecond)
		}
		used := client.MemoryUsage(t.Context(), "test:rate:5265877635:"+tt.group).Val()
		t.Logf("%s, %d instants: %d bytes", tt.group, limits[2].Limit, used)
		if used > tt.limit {
			t.Errorf("%s: %d bytes, want at most %d", tt.group, used, tt.limit)
		}
	}
}
