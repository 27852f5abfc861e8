package ratelimit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd/redistest"
)

// stepBack moves the store's clock, and all instants in the log of a key, forward by d. So they
// look as they would after a failover to a master whose clock is d behind.
func stepBack(t *testing.T, client *redis.Client, s *Redis, k Key, d time.Duration) {
	t.Helper()
	const head = 16
	put := func(b []byte, v int64) {
		for i := 6; i >= 0; i-- {
			b[i], v = byte(v), v>>8
		}
	}
	get := func(b []byte) (v int64) {
		for _, c := range b[:7] {
			v = v<<8 | int64(c)
		}
		return v
	}
	log, err := client.Get(t.Context(), s.key(k)).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if frozen := get(log[1:]); frozen > 0 {
		put(log[1:], frozen+d.Microseconds())
	}
	for at := head; at < len(log); at += 8 {
		put(log[at:], get(log[at:])+d.Microseconds())
	}
	if err := client.Set(t.Context(), s.key(k), log, time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	var highest, offset int64
	kept := client.Get(t.Context(), s.now()).Val()
	if _, err := fmt.Sscan(strings.TrimSpace(kept), &highest, &offset); err != nil {
		t.Fatalf("the store keeps its clock as %q, which cannot be read: %v", kept, err)
	}
	if err := client.Set(t.Context(), s.now(), fmt.Sprintf("%d %d", highest+d.Microseconds(), offset), 0).Err(); err != nil {
		t.Fatal(err)
	}
}

// The new master's clock is two hours behind. The requests of the last minutes lie in its future,
// but must still count as recent.
func TestRedis_ClockStepsBack_NoWindowIsOverrunAndNothingWaitsLonger(t *testing.T) {
	client, _ := redistest.New(t)
	s := NewRedis(client, "test:")
	limits := Limits{{3, time.Hour}}
	for range 3 {
		mustBook(t, s, Request{Key: send, Limits: limits})
	}
	stepBack(t, client, s, send, 2*time.Hour)
	var n *NotNow
	_, err := s.Book(t.Context(), Request{Key: send, Limits: limits})
	if !errors.As(err, &n) || n.Wait < 59*time.Minute || n.Wait > time.Hour+tick {
		t.Fatalf("the fourth request, where three an hour may go, gives %v, want a wait of an hour", err)
	}
	if u, err := s.Usage(t.Context(), send, limits); err != nil || u.Windows[0].Used != 3 || u.Ahead != 0 {
		t.Errorf("the usage is %+v (error %v), want three used, none ahead", u, err)
	}
	// The store's clock goes on from the instant that it had reached.
	first := mustBook(t, s, Request{Key: Key{Tenant: "1", Group: "g"}, Limits: Limits{{1, 20 * time.Millisecond}}})
	second := mustBook(t, s, Request{Key: Key{Tenant: "1", Group: "g"}, Limits: Limits{{1, 20 * time.Millisecond}}, MaxWait: time.Second})
	if d := second.At.Sub(first.At); d > 200*time.Millisecond {
		t.Errorf("the second place is %s behind the first, want at most 200 ms", d)
	}
}

func TestRedis_ClockStepsBack_AFreezeEndsOnTime(t *testing.T) {
	client, _ := redistest.New(t)
	s := NewRedis(client, "test:")
	if err := s.Freeze(t.Context(), send, time.Minute, CauseDenied); err != nil {
		t.Fatal(err)
	}
	stepBack(t, client, s, send, 2*time.Hour)
	if u, err := s.Usage(t.Context(), send, nil); err != nil || u.Frozen > time.Minute {
		t.Errorf("the key is frozen for %s (error %v), want at most a minute", u.Frozen, err)
	}
}

// A damaged value of the clock's key prevents no booking.
func TestRedis_ClockKeyDamaged_StillBooks(t *testing.T) {
	client, _ := redistest.New(t)
	s := NewRedis(client, "test:")
	for _, damage := range []func(){
		func() { client.Set(t.Context(), s.now(), "noon", 0) },
		func() { client.Del(t.Context(), s.now()); client.LPush(t.Context(), s.now(), "x") },
	} {
		damage()
		mustBook(t, s, Request{Key: Key{Tenant: "1", Group: "g"}, Limits: Limits{{1000, time.Hour}}, MaxWait: holdTime})
	}
}
