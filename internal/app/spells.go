package app

import (
	"sync"
	"time"
)

// spellEvery is how often something that goes on is worth a line.
const spellEvery = time.Hour

// spells remembers what goes on, by name, and when it was last said. Whatever waits is not logged
// one by one: a night's export and three days would be a million lines. Safe for concurrent use.
type spells struct {
	now func() time.Time

	mu    sync.Mutex
	going map[string]*spell
}

type spell struct{ since, said time.Time }

func newSpells(now func() time.Time) *spells {
	return &spells{now: now, going: map[string]*spell{}}
}

// goesOn reports whether a line is due: at the beginning and then once an hour.
func (s *spells) goesOn(name string) (since time.Time, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	g := s.going[name]
	if g == nil {
		g = &spell{since: now}
		s.going[name] = g
	}
	if !g.said.IsZero() && now.Sub(g.said) < spellEvery {
		return g.since, false
	}
	g.said = now
	return g.since, true
}

// over reports whether it had been going on, and for how long.
func (s *spells) over(name string) (after time.Duration, was bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.going[name]
	if g == nil {
		return 0, false
	}
	delete(s.going, name)
	return s.now().Sub(g.since), true
}
