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

// assertNoWindowOverrun counts every closed window that ends at an instant; no other can hold more.
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

// plainStore is a store without economy: it never forgets and looks at everything.
type plainStore struct {
	now    time.Time
	frozen time.Time
	booked []Booking
}

func (p *plainStore) book(r Request) (at time.Time, frozen bool, ok bool) {
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

func (p *plainStore) lastInLine(b Booking) bool {
	for _, other := range p.booked {
		if other.At.After(b.At) {
			return false
		}
	}
	return true
}

// Random lives of a key: Memory, Redis and the plain store must tell the same story to the microsecond, and no window may be overrun.
// The first booking names the longest window, as a real table does; afterwards limits come and go.
func TestStores_TellTheSameStoryAsOneThatNeverForgets(t *testing.T) {
	h := newHands()
	client, _ := redistest.New(t)
	ctx := t.Context()
	memory, shared := NewMemory(h.now), newRedisAt(client, h.now)
	full := Limits{{2, time.Minute}, {4, 5 * time.Minute}, {9, 20 * time.Minute}}
	tables := []Limits{full, full, {{3, time.Minute}}, {{1, 3 * time.Minute}}, {{12, 20 * time.Minute}, {2, time.Minute}}, nil}
	lives := 0
	rapid.Check(t, func(t *rapid.T) {
		lives++
		key := Key{fmt.Sprintf("t%d", lives), "g"}
		plain := &plainStore{now: h.now()}
		book := func(t *rapid.T, r Request) {
			m, errM := memory.Book(ctx, r)
			s, errS := shared.Book(ctx, r)
			at, frozen, ok := plain.book(r)
			if !ok {
				want := NotNow{Wait: at.Sub(plain.now), Reason: ReasonLimit, Key: key}
				if frozen {
					want.Reason = ReasonFrozen
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
				t.Fatalf("memory %+v, redis %+v, want %s", m, s, at)
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
				h.advance(time.Duration(rapid.IntRange(0, 300_000_000).Draw(t, "by")) * us)
				plain.now = h.now()
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
				// Of two at the same instant the later booked stands behind.
				twin := slices.ContainsFunc(plain.booked[i+1:], func(o Booking) bool { return o.At.Equal(b.At) })
				if plain.lastInLine(b) && !twin {
					plain.booked = slices.Delete(plain.booked, i, i+1)
				}
			},
			"freeze": func(t *rapid.T) {
				d := time.Duration(rapid.IntRange(-5, 400).Draw(t, "for")) * time.Second
				if err := errors.Join(memory.Freeze(ctx, key, d), shared.Freeze(ctx, key, d)); err != nil {
					t.Fatal(err)
				}
				if until := plain.now.Add(d); d > 0 && until.After(plain.frozen) {
					plain.frozen = until
				}
			},
			"": func(t *rapid.T) {
				m, errM := memory.Usage(ctx, key, full)
				s, errS := shared.Usage(ctx, key, full)
				if errM != nil || errS != nil || fmt.Sprint(m.Windows, m.Ahead, m.Frozen) != fmt.Sprint(s.Windows, s.Ahead, s.Frozen) || !m.FrozenUntil.Equal(s.FrozenUntil) {
					t.Fatalf("memory %+v (%v), redis %+v (%v)", m, errM, s, errS)
				}
			},
		})
	})
}

// One table, random callers: whatever is cancelled, reserved or frozen, what goes out overruns nothing.
func TestStore_WhatGoesOut_OverrunsNoWindow(t *testing.T) {
	h := newHands()
	s := NewMemory(h.now)
	limits := Limits{{2, time.Second}, {5, 10 * time.Second}, {11, time.Minute}}
	lives := 0
	rapid.Check(t, func(t *rapid.T) {
		lives++
		key := Key{fmt.Sprintf("t%d", lives), "g"}
		var sent []time.Time
		for range rapid.IntRange(1, 60).Draw(t, "callers") {
			h.advance(time.Duration(rapid.IntRange(0, 3_000_000).Draw(t, "pause")) * us)
			r := Request{Key: key, Limits: limits, MaxWait: time.Duration(rapid.IntRange(0, 90).Draw(t, "patience")) * time.Second, Reserve: rapid.IntRange(0, 3).Draw(t, "reserve")}
			b, err := s.Book(context.Background(), r)
			if err != nil {
				continue
			}
			if rapid.IntRange(0, 5).Draw(t, "fate") == 0 {
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
