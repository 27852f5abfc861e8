package app

import (
	"sync"
	"time"
)

// spellEvery is how often a trouble that goes on is logged.
const spellEvery = time.Hour

// spells remembers which troubles go on, by name, and when each was last logged. A trouble is
// logged once an hour, and not once for each invoice that waits for its end. Otherwise a night's
// export and an outage of three days would make a million lines. Safe for concurrent use.
type spells struct {
	now func() time.Time

	mu    sync.Mutex
	going map[string]*spell
}

// spell is one trouble, with the times when it began and when it was last logged.
type spell struct{ since, logged time.Time }

func newSpells(now func() time.Time) *spells {
	return &spells{now: now, going: map[string]*spell{}}
}

// goesOn notes that a trouble goes on, and returns when it began. due reports whether to log it: at
// its beginning, and then once an hour.
func (s *spells) goesOn(name string) (since time.Time, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	g := s.going[name]
	if g == nil {
		g = &spell{since: now}
		s.going[name] = g
	}
	if !g.logged.IsZero() && now.Sub(g.logged) < spellEvery {
		return g.since, false
	}
	g.logged = now
	return g.since, true
}

// over ends a trouble, and reports whether it was going on and for how long.
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
