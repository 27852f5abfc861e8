package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ksefworker/internal/redisd/redistest"
)

// assertNoWindowOverrun counts every closed window that ends at one of the instants. No other
// window can hold more.
func assertNoWindowOverrun(t interface {
	Helper()
	Fatalf(string, ...any)
}, instants []time.Time, limits Limits,
) {
	t.Helper()
	sorted := slices.SortedFunc(slices.Values(instants), time.Time.Compare)
	for _, w := range limits {
		for i := w.Limit; i < len(sorted); i++ {
			if span := sorted[i].Sub(sorted[i-w.Limit]); span <= w.Per {
				t.Fatalf("%d requests within %s, allowed are %d per %s", w.Limit+1, span, w.Limit, w.Per)
			}
		}
	}
}

// modelStore is a simple store, which keeps all instants and checks all of them.
type modelStore struct {
	now    time.Time
	frozen time.Time
	cause  Cause // of the freeze
	booked []Booking
}

func (p *modelStore) book(r Request) (at time.Time, frozen bool, ok bool) {
	var all []time.Time
	for _, b := range p.booked {
		all = append(all, b.At)
	}
	slices.SortFunc(all, time.Time.Compare)
	start := p.now
	if p.frozen.After(start) {
		start, frozen = p.frozen, true
	}
	reserved := slices.Clone(r.Limits)
	for i := range reserved {
		reserved[i].Limit = max(1, reserved[i].Limit-r.Reserve)
	}
	if !p.frozen.IsZero() && len(reserved) > 0 {
		nth := 1
		for _, at := range all {
			if !at.Before(p.frozen) {
				nth++
			}
		}
		if t := thawed(p.frozen, nth); t.After(start) {
			start = t
		}
	}
	at = Earliest(start, all, reserved, r.Margin)
	return at, frozen, at.Sub(p.now) <= r.MaxWait
}

func (p *modelStore) isLast(b Booking) bool {
	for _, other := range p.booked {
		if other.At.After(b.At) {
			return false
		}
	}
	return true
}

// In random runs, Memory, Redis and the model must give the same answers to the microsecond. The
// first booking names the longest window, as a real table does. After it the limits change.
func TestStores_AnswerLikeAModelThatNeverForgets(t *testing.T) {
	clock := newFakeClock()
	client, _ := redistest.New(t)
	ctx := t.Context()
	memory, shared := NewMemory(clock.now), newRedisAt(client, clock.now)
	full := Limits{{2, time.Minute}, {4, 5 * time.Minute}, {9, 20 * time.Minute}}
	tables := []Limits{full, full, {{3, time.Minute}}, {{1, 3 * time.Minute}}, {{12, 20 * time.Minute}, {2, time.Minute}}, nil}
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		key := Key{fmt.Sprintf("t%d", runs), "g"}
		plain := &modelStore{now: clock.now()}
		book := func(t *rapid.T, r Request) {
			m, errM := memory.Book(ctx, r)
			s, errS := shared.Book(ctx, r)
			at, frozen, ok := plain.book(r)
			if !ok {
				want := NotNow{Wait: at.Sub(plain.now), Reason: ReasonLimit, Key: key}
				if frozen {
					want.Reason, want.Cause = ReasonFrozen, plain.cause
				}
				for name, err := range map[string]error{"memory": errM, "redis": errS} {
					if n, is := errors.AsType[*NotNow](err); !is || *n != want {
						t.Fatalf("%s: %v, want %+v", name, err, want)
					}
				}
				return
			}
			if errM != nil || errS != nil {
				t.Fatalf("memory: %v, redis: %v, want a booking at %s", errM, errS, at)
			}
			if m.ID != s.ID || !m.At.Equal(at) || !s.At.Equal(at) || m.Wait != at.Sub(plain.now) || s.Wait != m.Wait {
				t.Fatalf("memory %+v, redis %+v, want the same booking at %s from both, with the wait until then", m, s, at)
			}
			if len(r.Limits) > 0 {
				plain.booked = append(plain.booked, s)
			}
		}
		book(t, Request{Key: key, Limits: full, Margin: 10 * time.Second, MaxWait: time.Hour})
		t.Repeat(map[string]func(*rapid.T){
			"book": func(t *rapid.T) {
				book(t, Request{
					Key:     key,
					Limits:  rapid.SampledFrom(tables).Draw(t, "limits"),
					MaxWait: time.Duration(rapid.IntRange(-1, 1500).Draw(t, "max wait")) * time.Second,
					Margin:  time.Duration(rapid.SampledFrom([]int{0, 10}).Draw(t, "margin")) * time.Second,
					Reserve: rapid.SampledFrom([]int{0, 0, 0, 1, 2, 5}).Draw(t, "reserve"),
				})
			},
			"advance": func(t *rapid.T) {
				clock.advance(time.Duration(rapid.IntRange(0, 300_000_000).Draw(t, "by")) * us)
				plain.now = clock.now()
			},
			"cancel": func(t *rapid.T) {
				if len(plain.booked) == 0 {
					return
				}
				i := rapid.IntRange(0, len(plain.booked)-1).Draw(t, "which")
				b := plain.booked[i]
				if err := errors.Join(memory.Cancel(ctx, b), shared.Cancel(ctx, b)); err != nil {
					t.Fatal(err)
				}
				// Of two bookings at the same instant, the one that was made later is the last.
				laterAtSameInstant := slices.ContainsFunc(plain.booked[i+1:], func(o Booking) bool { return o.At.Equal(b.At) })
				if plain.isLast(b) && !laterAtSameInstant {
					plain.booked = slices.Delete(plain.booked, i, i+1)
				}
			},
			"freeze": func(t *rapid.T) {
				d := time.Duration(rapid.IntRange(-5, 400).Draw(t, "for")) * time.Second
				why := rapid.SampledFrom(causes).Draw(t, "why")
				if err := errors.Join(memory.Freeze(ctx, key, d, why), shared.Freeze(ctx, key, d, why)); err != nil {
					t.Fatal(err)
				}
				if until := plain.now.Add(d); d > 0 && until.After(plain.frozen) {
					plain.frozen, plain.cause = until, why
				}
			},
			"": func(t *rapid.T) {
				m, errM := memory.Usage(ctx, key, full)
				s, errS := shared.Usage(ctx, key, full)
				same := fmt.Sprint(m.Windows, m.Ahead, m.Frozen, m.Cause) == fmt.Sprint(s.Windows, s.Ahead, s.Frozen, s.Cause)
				if errM != nil || errS != nil || !same || !m.FrozenUntil.Equal(s.FrozenUntil) {
					t.Fatalf("Usage differs: memory %+v (%v), redis %+v (%v)", m, errM, s, errS)
				}
			},
		})
	})
}

// Random callers overrun no window of their limits, even if they cancel bookings or leave places to
// more urgent callers.
func TestStore_RandomCallers_OverrunNoWindow(t *testing.T) {
	clock := newFakeClock()
	s := NewMemory(clock.now)
	limits := Limits{{2, time.Second}, {5, 10 * time.Second}, {11, time.Minute}}
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		key := Key{fmt.Sprintf("t%d", runs), "g"}
		var sent []time.Time
		for range rapid.IntRange(1, 60).Draw(t, "callers") {
			clock.advance(time.Duration(rapid.IntRange(0, 3_000_000).Draw(t, "pause")) * us)
			r := Request{
				Key: key, Limits: limits,
				MaxWait: time.Duration(rapid.IntRange(0, 90).Draw(t, "max wait")) * time.Second,
				Reserve: rapid.IntRange(0, 3).Draw(t, "reserve"),
			}
			b, err := s.Book(context.Background(), r)
			if err != nil {
				continue
			}
			if rapid.IntRange(0, 5).Draw(t, "cancelled") == 0 {
				if err := s.Cancel(context.Background(), b); err != nil {
					t.Fatal(err)
				}
				continue
			}
			sent = append(sent, b.At)
		}
		assertNoWindowOverrun(t, sent, limits)
	})
}
