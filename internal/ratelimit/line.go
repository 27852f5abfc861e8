package ratelimit

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"
)

// line is who was told to come back, in order of place: of what is due, and of arrival among equals.
type line struct{ tickets []ticket }

type ticket struct {
	name  string
	place time.Time
	due   time.Time // the promised instant
}

func (b *book) line(name string) *line {
	if b.lines == nil {
		b.lines = map[string]*line{}
	}
	l := b.lines[name]
	if l == nil {
		l = &line{}
		b.lines[name] = l
	}
	return l
}

// prune lets go of those who did not return in time.
func (l *line) prune(now time.Time) {
	l.tickets = slices.DeleteFunc(l.tickets, func(t ticket) bool { return t.due.Before(now.Add(-lapse)) })
}

func (l *line) index(name string) int {
	return slices.IndexFunc(l.tickets, func(t ticket) bool { return t.name == name })
}

// ahead is how many stand before a ticket, or would stand before one that is new and wants that place.
func (l *line) ahead(name string, place time.Time) int {
	if i := l.index(name); i >= 0 {
		return i
	}
	i, _ := l.behind(place)
	return i
}

// behind is the index of a newcomer, and its place: behind those of the same.
func (l *line) behind(place time.Time) (int, time.Time) {
	i := sort.Search(len(l.tickets), func(i int) bool { return !l.tickets[i].place.Before(place.Add(dueStep)) })
	if i > 0 && !l.tickets[i-1].place.Before(place) {
		place = l.tickets[i-1].place.Add(tick)
	}
	return i, place
}

func (l *line) enter(name string, place, due time.Time) {
	if i := l.index(name); i >= 0 {
		l.tickets[i].due = due
		return
	}
	i, place := l.behind(place)
	l.tickets = slices.Insert(l.tickets, i, ticket{name, place, due})
}

func (l *line) leave(name string) {
	if i := l.index(name); i >= 0 {
		l.tickets = slices.Delete(l.tickets, i, i+1)
	}
}

// Leave implements [Store].
func (m *Memory) Leave(_ context.Context, k Key, name string) error {
	if err := k.validate(); err != nil {
		return fmt.Errorf("leave the line: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if b := m.books[k]; b != nil {
		for _, l := range b.lines {
			l.leave(name)
		}
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
	if !b.struck.After(now) {
		b.strikes = 0
	}
	d = freezeTime(max(d, 0))
	if !b.frozen.After(now) { // else it is the same strike
		b.strikes++
		if d == 0 {
			d = firstRest
			for i := 1; i < b.strikes && d < longestRest; i++ {
				d *= 2
			}
			d = min(d, longestRest)
		}
	}
	if until := now.Add(d); until.After(b.frozen) {
		b.frozen = until
	}
	b.struck = b.frozen.Add(strikeLife)
	return b.frozen.Sub(now), b.strikes, nil
}
