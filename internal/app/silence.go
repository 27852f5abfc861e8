package app

import "sync"

const (
	// silenceEnough is how many requests in a row make a failed one a matter for another worker, although no
	// circuit is open: a process that has just come up behind a sick proxy meets each pair anew, and a
	// task that meets it thrice would have waited ever longer each time.
	silenceEnough = 3
	// silenceRepeats is how many of them may be about one object. One that fails more often, wherever it
	// is asked about, is sick itself: left to the next worker at once, time and again, it would be asked
	// about every second.
	silenceRepeats = 2 * silenceEnough
)

// silence counts the requests of this process that failed since one was answered, whatever they were
// about. Safe for concurrent use.
type silence struct {
	mu      sync.Mutex
	failed  int
	objects map[string]int // how many of them were about what; "" is no one thing
}

func (s *silence) goesOn(object string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects == nil {
		s.objects = map[string]int{}
	}
	s.failed++
	if _, known := s.objects[object]; known || len(s.objects) < silenceRepeats {
		s.objects[object]++
	}
}

func (s *silence) over() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed, s.objects = 0, nil
}

// ofThisProcess reports that it may be this process alone that gets no answer: enough has failed, and
// no one object explains it.
func (s *silence) ofThisProcess() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, plain := s.objects[""]
	if s.failed < silenceEnough || len(s.objects) < 2 && !plain {
		return false
	}
	for object, n := range s.objects {
		if object != "" && n > silenceRepeats {
			return false
		}
	}
	return true
}
