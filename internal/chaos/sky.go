package chaos

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// sky writes the simulator's log and remembers when it ordered a tenant to wait: requests that were on their way then come too late to know. Safe for concurrent use.
type sky struct {
	out io.Writer

	mu     sync.Mutex
	orders []time.Time
}

// Write implements io.Writer.
func (s *sky) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bytes.Contains(line, []byte(`"fault":"429"`)) {
		s.orders = append(s.orders, time.Now())
	}
	return s.out.Write(line)
}

func (s *sky) ordered() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Time(nil), s.orders...)
}
