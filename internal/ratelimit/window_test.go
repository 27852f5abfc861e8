package ratelimit

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func micros(n int) time.Time { return time.UnixMicro(int64(n)) }

func instants(at ...int) []time.Time {
	out := make([]time.Time, len(at))
	for i, n := range at {
		out[i] = micros(n)
	}
	return out
}

const us = time.Microsecond

func TestEarliest_IsTheFirstInstantThatFitsEveryWindow(t *testing.T) {
	tests := []struct {
		name   string
		now    int
		booked []time.Time
		limits Limits
		margin time.Duration
		want   int
	}{
		{"nothing booked: now", 100, nil, Limits{{1, 10 * us}}, 0, 100},
		{"no limits: now, whatever is booked", 100, instants(100, 100, 100), nil, 0, 100},
		{"a place is free: now", 100, instants(95), Limits{{2, 10 * us}}, 0, 100},
		{"a full window: one tick after the window of its oldest booking, because windows are closed",
			100, instants(95, 98), Limits{{2, 10 * us}}, 0, 106},
		{"a booking exactly one window ago still counts", 105, instants(95), Limits{{1, 10 * us}}, 0, 106},
		{"a booking one tick more than a window ago no longer counts", 106, instants(95), Limits{{1, 10 * us}}, 0, 106},
		{"the margin widens the window", 100, instants(95), Limits{{1, 10 * us}}, 5 * us, 111},
		{"the strictest window decides", 100, instants(60, 98), Limits{{1, 10 * us}, {2, 50 * us}}, 0, 111},
		{"one full stretch ends within the next full stretch",
			100, instants(95, 112), Limits{{1, 10 * us}, {3, 100 * us}}, 0, 123},
		{"a later limit moves the instant into a full stretch of an earlier limit: both are checked again",
			100, instants(80, 95, 118), Limits{{1, 10 * us}, {2, 30 * us}}, 0, 129},
		{"a gap that others left is used", 100, instants(90, 130), Limits{{1, 10 * us}}, 0, 101},
		{"too narrow a gap is not used: the next booking would be too close",
			100, instants(95, 115), Limits{{1, 10 * us}}, 0, 126},
		{"later bookings count", 100, instants(100, 111, 122), Limits{{1, 10 * us}}, 0, 133},
		{"limits lowered below what is booked: nothing is added to a full window",
			100, instants(91, 92, 93, 94), Limits{{2, 10 * us}}, 0, 104},
		{"limit zero counts as one", 100, instants(95), Limits{{0, 10 * us}}, 0, 106},
		{"a negative margin narrows nothing", 100, instants(95), Limits{{1, 10 * us}}, -5 * us, 106},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Earliest(micros(tt.now), tt.booked, tt.limits, tt.margin); !got.Equal(micros(tt.want)) {
				t.Errorf("Earliest = %d, want %d", got.UnixMicro(), tt.want)
			}
		})
	}
}

// fits reports whether an instant t may be added to those booked. It counts every closed window
// [x-Per-margin, x] that holds t, for every whole microsecond x.
func fits(t int, booked []int, limits Limits, margin time.Duration) bool {
	for _, w := range limits {
		per := int((w.Per + margin).Microseconds())
		for x := t; x <= t+per; x++ {
			count := 1
			for _, b := range booked {
				if x-per <= b && b <= x {
					count++
				}
			}
			if count > w.Limit {
				return false
			}
		}
	}
	return true
}

func bruteEarliest(now int, booked []int, limits Limits, margin time.Duration) int {
	for t := now; ; t++ {
		if fits(t, booked, limits, margin) {
			return t
		}
	}
}

var limitsGen = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Window {
	return Window{Limit: rapid.IntRange(1, 5).Draw(t, "limit"), Per: time.Duration(rapid.IntRange(1, 30).Draw(t, "per")) * us}
}), 0, 3)

func TestEarliest_AgreesWithCountingEveryWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		booked := rapid.SliceOfN(rapid.IntRange(0, 60), 0, 14).Draw(t, "booked")
		slices.Sort(booked)
		now := rapid.IntRange(0, 70).Draw(t, "now")
		limits := limitsGen.Draw(t, "limits")
		margin := time.Duration(rapid.IntRange(0, 5).Draw(t, "margin")) * us
		want := bruteEarliest(now, booked, limits, margin)
		if got := Earliest(micros(now), instants(booked...), limits, margin); !got.Equal(micros(want)) {
			t.Fatalf("Earliest = %d, want %d", got.UnixMicro(), want)
		}
	})
}

func TestEarliest_ArrivalsLateByUpToTheMarginOverrunNoWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := limitsGen.Draw(t, "limits")
		margin := rapid.IntRange(0, 8).Draw(t, "margin")
		var booked []time.Time
		var arrivals []int
		now := 0
		for range rapid.IntRange(1, 25).Draw(t, "requests") {
			now += rapid.IntRange(0, 12).Draw(t, "pause")
			at := Earliest(micros(now), booked, limits, time.Duration(margin)*us)
			booked = append(booked, at)
			arrivals = append(arrivals, int(at.UnixMicro())+rapid.IntRange(0, margin).Draw(t, "jitter"))
		}
		for i, a := range arrivals {
			others := slices.Delete(slices.Clone(arrivals), i, i+1)
			if !fits(a, others, limits, 0) {
				t.Fatalf("arrivals %v overrun %v", arrivals, limits)
			}
		}
	})
}

func TestEarliest_SameLimits_LeaveInOrderOfArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := limitsGen.Draw(t, "limits")
		var booked []time.Time
		now, before := 0, micros(0)
		for range rapid.IntRange(1, 25).Draw(t, "requests") {
			now += rapid.IntRange(0, 12).Draw(t, "pause")
			at := Earliest(micros(now), booked, limits, 0)
			if at.Before(before) {
				t.Fatalf("a caller got %d, want at least %d, the instant of the caller before", at.UnixMicro(), before.UnixMicro())
			}
			before = at
			booked = append(booked, at)
		}
	})
}

func FuzzEarliest(f *testing.F) {
	f.Add(uint8(100), []byte{90, 95, 98}, uint8(2), uint8(10), uint8(3), uint8(30), uint8(1))
	f.Add(uint8(0), []byte{}, uint8(0), uint8(0), uint8(0), uint8(0), uint8(0))
	f.Add(uint8(7), []byte{7, 7, 7, 7, 20}, uint8(1), uint8(5), uint8(4), uint8(255), uint8(9))
	f.Fuzz(func(t *testing.T, now uint8, raw []byte, limit1, per1, limit2, per2, margin uint8) {
		if len(raw) > 40 {
			return // bruteEarliest would take too long
		}
		booked := make([]int, len(raw))
		for i, b := range raw {
			booked[i] = int(b)
		}
		slices.Sort(booked)
		limits := Limits{{max(int(limit1), 1), time.Duration(per1) * us}, {max(int(limit2), 1), time.Duration(per2) * us}}
		widen := time.Duration(margin) * us
		want := bruteEarliest(int(now), booked, limits, widen)
		if got := Earliest(micros(int(now)), instants(booked...), limits, widen); !got.Equal(micros(want)) {
			t.Fatalf("Earliest = %d, want %d", got.UnixMicro(), want)
		}
	})
}

// Over a wide range of instants, and for invalid windows too, Earliest returns an instant that is
// not before now and overruns no window.
func FuzzEarliest_AnyNumbers(f *testing.F) {
	f.Add([]byte("01234567abcdefgh"), int64(1_790_000_000_000_000), 3, int64(time.Second), int64(time.Millisecond))
	f.Fuzz(func(t *testing.T, raw []byte, nowMicros int64, limit int, per, margin int64) {
		const bound = int64(1) << 52
		if nowMicros < -bound || nowMicros > bound || len(raw) > 800 {
			return
		}
		var booked []time.Time
		for len(raw) >= 8 {
			booked = append(booked, time.UnixMicro(int64(binary.BigEndian.Uint64(raw)%uint64(bound))))
			raw = raw[8:]
		}
		slices.SortFunc(booked, time.Time.Compare)
		w := Window{Limit: limit, Per: time.Duration(per % int64(maxPer))}
		widen := time.Duration(margin % int64(maxPer))
		now := time.UnixMicro(nowMicros)
		at := Earliest(now, booked, Limits{w}, widen)
		if at.Before(now) {
			t.Fatalf("Earliest = %v, which is before now (%v)", at, now)
		}
		wide := max(w.Per+max(widen, 0), 0)
		for i := range booked {
			j := i + max(limit, 1) - 1
			if j < i || j >= len(booked) {
				break
			}
			if full := booked[j].Sub(booked[i]) <= wide; full && !at.Before(booked[j].Add(-wide)) && !at.After(booked[i].Add(wide)) {
				t.Fatalf("Earliest = %v, but the window is full: %d are booked from %v to %v", at, max(limit, 1), booked[i], booked[j])
			}
		}
	})
}

func TestValidate_NamesEveryInvalidWindow(t *testing.T) {
	err := Limits{{0, time.Second}, {1, 0}, {5, time.Minute}, {1, 400 * 24 * time.Hour}}.Validate()
	if err == nil {
		t.Fatal("Validate took windows with faults")
	}
	for _, want := range []string{"limit 0 per 1s", "limit 1 per 0s", "limit 1 per 9600h0m0s"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %q: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "limit 5") {
		t.Errorf("error names a good window: %v", err)
	}
	if err := (Limits)(nil).Validate(); err != nil {
		t.Errorf("Validate of no limits at all gives the error %v, want none", err)
	}
}

func TestScaled_AnHourBecomesAMinuteAndTheTableStaysAsItWas(t *testing.T) {
	table := Defaults()
	got := Scaled(table, 1.0/60)[GroupInvoiceSend]
	want := Limits{{10, 16667 * us}, {30, time.Second}, {180, time.Minute}} // 16,666.67 µs rounded up
	if !slices.Equal(got, want) {
		t.Errorf("Scaled = %v, want %v", got, want)
	}
	if table[GroupInvoiceSend][2].Per != time.Hour {
		t.Error("Scaled changed the table it was given")
	}
}
