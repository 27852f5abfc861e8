package app

import "sync"

const (
	// streakMin is how many requests in a row must fail before a failed task is left to another
	// worker although no circuit is open. A process that has just started behind a sick proxy has
	// counted no failures of any pair (a tenant's group at a host) yet. Without the streak, a task
	// would fail three times there, after growing pauses, before its circuit opens.
	streakMin = 3
	// streakMaxRepeats is how many failures of a streak may be about one object. An object that
	// fails more often, in whatever process, is itself the cause. If its task were left to the next
	// worker at once, again and again, KSeF would be asked about it every second. streakMaxRepeats
	// also bounds how many objects a streak remembers.
	streakMaxRepeats = 2 * streakMin
)

// streak counts the requests of this process that have failed since the last answer, of any pair.
// The zero value is an empty streak. Safe for concurrent use.
type streak struct {
	mu      sync.Mutex
	n       int
	objects map[string]int // failures by object; "" is a request that is not about one object
}

// failed counts a failure.
func (s *streak) failed(object string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects == nil {
		s.objects = map[string]int{}
	}
	s.n++
	if _, known := s.objects[object]; known || len(s.objects) < streakMaxRepeats {
		s.objects[object]++
	}
}

// answered ends the streak.
func (s *streak) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n, s.objects = 0, nil
}

// ofThisProcess reports whether this process may be the only one that gets no answers. This is so
// when enough requests have failed and no single object explains the failures.
func (s *streak) ofThisProcess() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, general := s.objects[""]
	if s.n < streakMin || len(s.objects) < 2 && !general {
		return false
	}
	for object, n := range s.objects {
		if object != "" && n > streakMaxRepeats {
			return false
		}
	}
	return true
}
