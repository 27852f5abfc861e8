//go:build unix

package chaos

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// seat is the place of one worker in the pool: whoever sits in it is started again when it falls, as a container would be. Safe for concurrent use.
type seat struct {
	name    string
	program string
	args    []string
	log     string

	mu     sync.Mutex
	now    *process // nil while nobody sits
	retire bool
	starts int
	fell   []error // ends that nobody ordered
	watch  sync.WaitGroup
}

// process is one child, from its start to its reaping. Only those are ever signalled that are not reaped yet, so a signal never reaches a stranger with its number.
type process struct {
	cmd     *exec.Cmd
	gone    chan struct{} // closed when it was reaped
	ordered bool          // its end was ours
	err     error         // set before gone is closed
}

// respawn is how long a supervisor waits before it starts a fallen worker again.
const respawn = 500 * time.Millisecond

// start puts a worker into an empty seat.
func (s *seat) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fill()
}

func (s *seat) fill() error {
	if s.now != nil || s.retire {
		return nil
	}
	p, err := launch(s.program, s.args, s.log)
	if err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	s.now = p
	s.starts++
	s.watch.Go(func() { s.keep(p) })
	return nil
}

// keep waits for the end of a worker and fills its seat again.
func (s *seat) keep(p *process) {
	<-p.gone
	s.mu.Lock()
	s.now = nil
	if !p.ordered {
		s.fell = append(s.fell, p.err)
	}
	retire := s.retire
	s.mu.Unlock()
	if retire {
		return
	}
	time.Sleep(respawn)
	if err := s.start(); err != nil {
		s.mu.Lock()
		s.fell = append(s.fell, err)
		s.mu.Unlock()
	}
}

// signal reaches the worker that sits, if one does.
func (s *seat) signal(sig syscall.Signal) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		return false
	}
	select {
	case <-s.now.gone:
		return false
	default:
	}
	if sig == syscall.SIGKILL || sig == syscall.SIGTERM {
		s.now.ordered = true
	}
	return s.now.cmd.Process.Signal(sig) == nil
}

// leave ends the worker for good: in order when it goes within the time, else with SIGKILL. It returns when it was reaped.
func (s *seat) leave(within time.Duration) {
	s.mu.Lock()
	s.retire = true
	p := s.now
	s.mu.Unlock()
	if p != nil {
		s.signal(syscall.SIGCONT)
		s.signal(syscall.SIGTERM)
		select {
		case <-p.gone:
		case <-time.After(within):
			s.signal(syscall.SIGKILL)
			<-p.gone
		}
	}
	s.watch.Wait()
}

func (s *seat) falls() (starts int, fell []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts, append([]error(nil), s.fell...)
}

// launch starts a program on an operating system's thread that lives as long as it does: Linux sends the parent-death signal, which ends the child even when the test
// panics or is killed, as soon as the thread that forked is gone.
func launch(program string, args []string, logPath string) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = []string{"HOME=" + os.Getenv("HOME"), "GORACE=halt_on_error=0 exitcode=66"}
	cmd.SysProcAttr = apart()
	p := &process{cmd: cmd, gone: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		defer log.Close()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		p.err = cmd.Wait()
		if p.err == nil {
			p.err = errors.New("ended by itself, without a fault")
		}
		close(p.gone)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}
