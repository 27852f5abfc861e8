package ratelimit

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"
)

// tick is the resolution of all instants. A window includes both of its ends, so the next request
// may come one tick after the end of the window, and not at that end.
const tick = time.Microsecond

// maxPer bounds a window so that instants in microseconds stay exact in Lua's floating-point
// numbers, by a wide margin.
const maxPer = 366 * 24 * time.Hour

// Window allows Limit requests in any closed interval of length Per.
type Window struct {
	Limit int           // at least 1
	Per   time.Duration // above zero, at most 366 days; rounded up to whole microseconds
}

// Limits are windows that all apply at once. Empty (or nil) means unlimited. Order does not matter,
// and a repeated window is harmless.
type Limits []Window

// Validate reports every window with an impossible limit or length. Empty limits are valid.
func (l Limits) Validate() error {
	var faults []error
	for _, w := range l {
		if w.Limit < 1 {
			faults = append(faults,
				fmt.Errorf("limit %d per %s: must be at least 1 (leave the window out for unlimited)", w.Limit, w.Per))
		}
		if w.Per <= 0 || w.Per > maxPer {
			faults = append(faults,
				fmt.Errorf("limit %d per %s: the window must be longer than 0 and at most %s", w.Limit, w.Per, maxPer))
		}
	}
	return errors.Join(faults...)
}

// Scaled returns the same limits over windows of Per × factor, rounded up to microseconds. With
// 1.0/60, for example, an "hour" lasts a minute. Scaled is for tests and benchmarks. factor must be
// above zero.
func (l Limits) Scaled(factor float64) Limits {
	scaled := slices.Clone(l)
	for i := range scaled {
		scaled[i].Per = wholeMicros(time.Duration(math.Ceil(float64(scaled[i].Per) * factor)))
	}
	return scaled
}

// Scaled applies [Limits.Scaled] to every group of a table.
func Scaled(table map[string]Limits, factor float64) map[string]Limits {
	scaled := make(map[string]Limits, len(table))
	for group, limits := range table {
		scaled[group] = limits.Scaled(factor)
	}
	return scaled
}

// Earliest returns the earliest instant, from now on, at which one more request fits every window.
// margin widens each window. booked has all booked instants, past and future, sorted.
//
// The answer may lie in a gap between booked instants, if this overruns no window that reaches to
// later bookings. Windows that are overfull already, because limits were lowered, get no further
// request.
//
// A Limit below 1 counts as 1. A margin or a widened window below zero counts as zero. Earliest is
// pure and safe for concurrent use. Inputs in whole microseconds give the earliest whole
// microsecond. With finer inputs, the answer fits but may be later than the earliest.
func Earliest(now time.Time, booked []time.Time, limits Limits, margin time.Duration) time.Time {
	t := now
	// Each window only moves t forward, past a finite number of full stretches, so the loop ends.
	// The last round finds that no window moves it.
	for moved := true; moved; {
		moved = false
		for _, w := range limits {
			w.Limit = max(w.Limit, 1)
			w.Per = max(w.Per+max(margin, 0), 0)
			if next := w.earliest(t, booked); next.After(t) {
				t, moved = next, true
			}
		}
	}
	return t
}

// earliest returns the answer of [Earliest] for one window, from t on. When Limit consecutive
// instants b[i]..b[j] lie within Per, some window is full, and one more request may not come
// between b[j]-Per and b[i]+Per. Both ends of these stretches ascend with i, so one pass forward is
// enough.
func (w Window) earliest(t time.Time, booked []time.Time) time.Time {
	oldest := t.Add(-w.Per)
	first := sort.Search(len(booked), func(i int) bool { return !booked[i].Before(oldest) })
	for i := first; w.Limit <= len(booked)-i; i++ {
		from, until := booked[i+w.Limit-1].Add(-w.Per), booked[i].Add(w.Per)
		if t.Before(from) {
			break
		}
		if full := !from.After(booked[i]); full && !t.After(until) {
			t = until.Add(tick)
		}
	}
	return t
}

// wholeMicros rounds up, because rounding down would allow more.
func wholeMicros(d time.Duration) time.Duration {
	if rest := d % tick; rest > 0 {
		return d + tick - rest
	}
	return d
}
