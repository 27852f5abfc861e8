package ratelimit

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"
)

// Memory is a [Store] for one process. Safe for concurrent use; it starts no goroutine.
type Memory struct {
	now   func() time.Time
	start time.Time

	mu       sync.Mutex
	books    map[Key]*book
	circuits map[Pair]pairRecord
	hosts    map[string]*hostRecord
}

// book holds the state of one key. instants has the booked instants in order, and marks has the
// mark of each. A mark is a part of the ID of a booking, see bookingID.
type book struct {
	instants        []time.Time
	marks           []int
	mark            int           // the mark given last
	longest         time.Duration // the longest window ever asked for, margin included
	frozen          time.Time     // end of the latest freeze
	cause           Cause         // of the latest freeze
	strikes429      int           // 429s in a row
	strikes429Until time.Time     // until when they are remembered
	waitlists       map[string]*waitlist
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store that reads the time with now. nil means time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{
		now: now, start: now(),
		books: map[Key]*book{}, circuits: map[Pair]pairRecord{}, hosts: map[string]*hostRecord{},
	}
}

// clock counts from the store's start, so with time.Now it follows the monotonic clock. A step of
// the wall clock therefore has no effect on bookings and requests.
func (m *Memory) clock() time.Time {
	return m.start.Round(0).Add(m.now().Sub(m.start)).Truncate(tick)
}

// Book implements [Store].
func (m *Memory) Book(_ context.Context, r Request) (Booking, error) {
	if err := r.validate(); err != nil {
		return Booking{}, fmt.Errorf("book an instant: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now, b, windows := m.clock(), m.book(r.Key), r.effective()

	ahead := 0
	var list *waitlist
	if r.Ticket != "" {
		list = b.waitlist(r.waitlist())
		list.prune(now)
		ahead = list.ahead(r.Ticket, r.place(now))
	}
	earliest, reason, cause := now, ReasonLimit, CauseUnknown
	if b.frozen.After(now) {
		earliest, reason, cause = b.frozen, ReasonFrozen, b.cause
	}
	if !b.frozen.IsZero() && len(windows) > 0 {
		if t := thawed(b.frozen, len(b.instants)-b.from(b.frozen)+ahead+1); t.After(earliest) {
			earliest = t
		}
	}
	at := slot(earliest, b.instants, windows, ahead)
	wait := at.Sub(now)
	if wait > r.MaxWait {
		if list != nil {
			list.enter(r.Ticket, r.place(now), at)
		}
		return Booking{}, &NotNow{Wait: wait, Reason: reason, Cause: cause, Key: r.Key}
	}
	if list != nil {
		list.leave(r.Ticket)
	}
	mark := unrecorded
	if len(windows) > 0 {
		mark = b.record(at, now, windows)
	}
	return Booking{ID: bookingID(at, mark), Key: r.Key, At: at, Wait: wait}, nil
}

// book returns the key's book, and makes one when there is none.
func (m *Memory) book(k Key) *book {
	b := m.books[k]
	if b == nil {
		b = &book{}
		m.books[k] = b
	}
	return b
}

// record adds an instant, drops those that are older than every window, and returns the mark of the
// new one.
func (b *book) record(at, now time.Time, windows Limits) int {
	for _, w := range windows {
		b.longest = max(b.longest, w.Per)
	}
	gone := b.from(now.Add(-b.longest))
	b.instants, b.marks = slices.Delete(b.instants, 0, gone), slices.Delete(b.marks, 0, gone)
	b.mark = b.mark%maxMark + 1
	i := b.from(at.Add(tick))
	b.instants, b.marks = slices.Insert(b.instants, i, at), slices.Insert(b.marks, i, b.mark)
	return b.mark
}

// from is the index of the first instant not before t.
func (b *book) from(t time.Time) int {
	return sort.Search(len(b.instants), func(i int) bool { return !b.instants[i].Before(t) })
}

// Cancel implements [Store].
func (m *Memory) Cancel(_ context.Context, c Booking) error {
	at, mark, err := parseBookingID(c.ID)
	if err != nil {
		return fmt.Errorf("cancel a booking: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.books[c.Key]
	if b == nil || len(b.instants) == 0 {
		return nil
	}
	last := len(b.instants) - 1
	if b.instants[last].UnixMicro() == at && b.marks[last] == mark {
		b.instants, b.marks = b.instants[:last], b.marks[:last]
	}
	return nil
}

// Freeze implements [Store].
func (m *Memory) Freeze(_ context.Context, k Key, d time.Duration, why Cause) error {
	if err := k.validate(); err != nil {
		return fmt.Errorf("freeze a group: %w", err)
	}
	if d <= 0 {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.book(k)
	if until := m.clock().Add(freezeTime(d)); until.After(b.frozen) {
		b.frozen, b.cause = until, why
	}
	return nil
}

// Throttle implements [Store].
func (m *Memory) Throttle(_ context.Context, k Key, d time.Duration) (time.Duration, int, error) {
	if err := k.validate(); err != nil {
		return 0, 0, fmt.Errorf("throttle a group: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now, b := m.clock(), m.book(k)
	if !b.strikes429Until.After(now) {
		b.strikes429 = 0
	}
	d = freezeTime(max(d, 0))
	if !b.frozen.After(now) { // a 429 to a request that was under way when the freeze began is not counted
		b.strikes429++
		if d == 0 {
			d = firstRest
			for i := 1; i < b.strikes429 && d < maxRest; i++ {
				d *= 2
			}
			d = min(d, maxRest)
		}
	}
	if until := now.Add(d); until.After(b.frozen) {
		b.frozen, b.cause = until, CauseThrottled
	}
	b.strikes429Until = b.frozen.Add(strikes429TTL)
	return b.frozen.Sub(now), b.strikes429, nil
}

// Usage implements [Store].
func (m *Memory) Usage(_ context.Context, k Key, limits Limits) (Usage, error) {
	if err := k.validate(); err != nil {
		return Usage{}, fmt.Errorf("count usage: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now, b := m.clock(), m.books[k]
	if b == nil {
		b = &book{}
	}
	u := Usage{Ahead: len(b.instants) - b.from(now.Add(tick))}
	for _, l := range b.waitlists {
		u.Waitlisted += len(l.tickets)
	}
	for _, w := range limits {
		oldest := b.from(now.Add(-wholeMicros(w.Per)))
		age := time.Duration(0)
		if oldest < len(b.instants) {
			age = now.Sub(b.instants[oldest])
		}
		u.Windows = append(u.Windows, w.usage(len(b.instants)-oldest, age))
	}
	if b.frozen.After(now) {
		u.Frozen, u.FrozenUntil, u.Cause = b.frozen.Sub(now), b.frozen, b.cause
	}
	return u, nil
}
