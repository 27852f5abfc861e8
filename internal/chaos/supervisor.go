//go:build unix

package chaos

import (
	"fmt"
	"sync"
	"syscall"
	"time"
)

// supervisor keeps one worker, or another program, running. When the program has ended, it starts
// the program again, as Docker does with a container. Safe for concurrent use.
type supervisor struct {
	name    string
	log     string // path
	program string
	args    []string

	retired chan struct{} // closed by stop: the worker is not started again
	watch   sync.WaitGroup

	mu     sync.Mutex
	child  *child // nil while no worker runs
	starts int
}

// respawnAfter is how long a supervisor waits before it starts a worker again.
const respawnAfter = 500 * time.Millisecond

func newSupervisor(name, log, program string, args ...string) *supervisor {
	return &supervisor{name: name, log: log, program: program, args: args, retired: make(chan struct{})}
}

// start starts the worker, unless it runs or stop was called.
func (s *supervisor) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child != nil || s.isRetired() {
		return nil
	}
	c, err := startChild(s.program, s.args, s.log)
	if err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	s.child = c
	s.starts++
	s.watch.Go(func() { s.keepRunning(c) })
	return nil
}

func (s *supervisor) isRetired() bool {
	select {
	case <-s.retired:
		return true
	default:
		return false
	}
}

// keepRunning waits for the end of a child and starts the worker again.
func (s *supervisor) keepRunning(c *child) {
	<-c.gone
	s.mu.Lock()
	s.child = nil
	s.mu.Unlock()
	select {
	case <-time.After(respawnAfter):
		_ = s.start() // when this fails, the invoices do not reach their end
	case <-s.retired:
	}
}

// signal sends a signal to the worker and reports whether one ran.
func (s *supervisor) signal(sig syscall.Signal) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child == nil {
		return false
	}
	return s.child.signal(sig)
}

// stop ends the worker for good. It kills the worker with SIGKILL when the worker does not end
// gracefully in time. It returns when the worker has been reaped. It may be called several times,
// one after the other.
func (s *supervisor) stop(within time.Duration) {
	s.mu.Lock()
	if !s.isRetired() {
		close(s.retired)
	}
	c := s.child
	s.mu.Unlock()
	if c != nil {
		s.signal(syscall.SIGCONT)
		s.signal(syscall.SIGTERM)
		select {
		case <-c.gone:
		case <-time.After(within):
			s.signal(syscall.SIGKILL)
			<-c.gone
		}
	}
	s.watch.Wait()
}

// started returns how often the worker was started.
func (s *supervisor) started() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts
}
