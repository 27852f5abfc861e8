package ratelimit

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"ksefworker/internal/redisd/redistest"
)

// Usages reads the logs of many keys without a script. It must agree with the script of Usage,
// which counts one key.
func TestUsages_ManyKeys_AgreeWithTheScript(t *testing.T) {
	client, _ := redistest.New(t)
	c := newFakeClock()
	s := NewRedis(client, "u:")
	s.clock = c.now
	limits := Limits{{3, time.Second}, {20, time.Minute}, {90, time.Hour}}
	rnd := rand.New(rand.NewPCG(1, 2))
	var keys []Key
	for i := range 3 * usagesAtOnce / 2 {
		keys = append(keys, Key{"t", fmt.Sprint("g", i)})
	}
	ask := func(k Key) Request {
		return Request{Key: k, Limits: limits, MaxWait: time.Minute, Ticket: fmt.Sprint("t", rnd.IntN(9))}
	}
	for round := range 400 {
		k := keys[rnd.IntN(12)]
		for range rnd.IntN(9) {
			_, _ = s.Book(t.Context(), ask(k))
		}
		if rnd.IntN(20) == 0 {
			if err := s.Freeze(t.Context(), k, time.Duration(rnd.Int64N(int64(time.Hour))), causes[rnd.IntN(len(causes))]); err != nil {
				t.Fatal(err)
			}
		}
		c.advance(time.Duration(rnd.Int64N(int64(20 * time.Second))))
		if round%40 != 0 {
			continue
		}
		all, err := s.Usages(t.Context(), keys, func(Key) Limits { return limits })
		if err != nil {
			t.Fatal(err)
		}
		waitlisted, err := s.Waitlisted(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys[:20] {
			want, err := s.Usage(t.Context(), k, limits)
			if err != nil {
				t.Fatal(err)
			}
			got, there := all[k]
			if !there {
				got, err = Usage{}, nil
				for _, w := range limits {
					got.Windows = append(got.Windows, w.usage(0, 0))
				}
			}
			if got.Waitlisted = waitlisted[k]; !reflect.DeepEqual(got, want) {
				t.Fatalf("round %d, %s: Usages gives %+v, the script gives %+v", round, k, got, want)
			}
		}
	}
}

func TestUsages_RedisClock_SeesAFreeze(t *testing.T) {
	client, srv := redistest.New(t)
	s := NewRedis(client, "u:")
	frozen, free := Key{"a", "g"}, Key{"b", "g"}
	if err := s.Freeze(t.Context(), frozen, time.Hour, CauseDenied); err != nil {
		t.Fatal(err)
	}
	all, err := s.Usages(t.Context(), []Key{free, frozen}, nil)
	if u := all[frozen]; err != nil || u.Frozen < 59*time.Minute || u.Frozen > time.Hour || len(all) != 1 {
		t.Errorf("Usages gives %+v (error %v), want the frozen key alone", all, err)
	}
	if err := client.Set(t.Context(), "u:rate:b:g", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if all, err := s.Usages(t.Context(), []Key{free, frozen}, nil); err != nil || len(all) != 1 {
		t.Errorf("beside a log that cannot be read, Usages gives %+v (error %v), want the frozen key alone", all, err)
	}
	srv.Kill()
	if _, err := s.Usages(t.Context(), []Key{frozen}, nil); err == nil {
		t.Error("Usages gives no error while Redis is away, want one")
	}
}
