//go:build unix

package chaos

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// child is one process from its start until it was reaped.
type child struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when it was reaped
}

// startChild starts a program that appends its output to a log. Linux sends the parent-death signal
// as soon as the thread that forked is gone. So the program is started on a thread of the operating
// system that lives as long as the child. The signal ends the child even when the test panics or is
// killed.
func startChild(program string, args []string, logPath string) (*child, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = []string{"HOME=" + os.Getenv("HOME"), "GORACE=halt_on_error=0 exitcode=66"}
	cmd.SysProcAttr = ownGroup()
	c := &child{cmd: cmd, gone: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		defer log.Close()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		_ = cmd.Wait()
		close(c.gone)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// signal sends a signal. It does nothing when the child was reaped, because another process may
// then have its number.
func (c *child) signal(sig syscall.Signal) bool {
	select {
	case <-c.gone:
		return false
	default:
		return c.cmd.Process.Signal(sig) == nil
	}
}
