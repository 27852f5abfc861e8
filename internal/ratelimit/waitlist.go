package ratelimit

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"
)

// waitlist holds the callers that were told to come back. They are in the order of their places, by
// deadline and then by arrival.
type waitlist struct{ tickets []ticket }

type ticket struct {
	name  string
	place time.Time
	due   time.Time // the promised instant
}

func (b *book) waitlist(name string) *waitlist {
	if b.waitlists == nil {
		b.waitlists = map[string]*waitlist{}
	}
	l := b.waitlists[name]
	if l == nil {
		l = &waitlist{}
		b.waitlists[name] = l
	}
	return l
}

// prune removes callers that did not return in time.
func (l *waitlist) prune(now time.Time) {
	l.tickets = slices.DeleteFunc(l.tickets, func(t ticket) bool { return t.due.Before(now.Add(-ticketTTL)) })
}

func (l *waitlist) index(name string) int {
	return slices.IndexFunc(l.tickets, func(t ticket) bool { return t.name == name })
}

// ahead returns how many tickets stand before a ticket, or would stand before a new ticket with
// this place.
func (l *waitlist) ahead(name string, place time.Time) int {
	if i := l.index(name); i >= 0 {
		return i
	}
	i, _ := l.behind(place)
	return i
}

// behind returns the index and the place of a newcomer. The newcomer stands behind the tickets with
// the same place.
func (l *waitlist) behind(place time.Time) (int, time.Time) {
	i := sort.Search(len(l.tickets), func(i int) bool { return !l.tickets[i].place.Before(place.Add(dueStep)) })
	if i > 0 && !l.tickets[i-1].place.Before(place) {
		place = l.tickets[i-1].place.Add(tick)
	}
	return i, place
}

func (l *waitlist) enter(name string, place, due time.Time) {
	if i := l.index(name); i >= 0 {
		l.tickets[i].due = due
		return
	}
	i, place := l.behind(place)
	l.tickets = slices.Insert(l.tickets, i, ticket{name, place, due})
}

func (l *waitlist) leave(name string) {
	if i := l.index(name); i >= 0 {
		l.tickets = slices.Delete(l.tickets, i, i+1)
	}
}

// Leave implements [Store].
func (m *Memory) Leave(_ context.Context, k Key, name string) error {
	if err := k.validate(); err != nil {
		return fmt.Errorf("leave the waitlist: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if b := m.books[k]; b != nil {
		for _, l := range b.waitlists {
			l.leave(name)
		}
	}
	return nil
}
