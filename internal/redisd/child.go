package redisd

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

// child is one process, from its start until it has been reaped.
type child struct {
	pid     int
	process *os.Process
	gone    chan struct{} // closed when the child has been reaped
	waitErr error         // set before gone is closed
}

// startChild starts the program on an OS thread that lives exactly as long as the child does.
//
// Linux sends the parent-death signal when the THREAD that forked ends, not the process. Go ends
// threads at any time, so a child that an ordinary goroutine started would be killed at random.
// Therefore one goroutine, locked to its thread, forks and then waits for the child, so that the
// thread outlives the child. The price is one idle thread for each server. The alternatives were a
// watcher process or a pipe that the child polls. redis-server polls no pipe, and a watcher could
// itself be left behind.
func startChild(binary string, args []string, dir string, output *os.File) (*child, error) {
	c := &child{gone: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // no unlock, so the thread ends with the goroutine
		cmd := exec.Command(binary, args...)
		cmd.Dir = dir
		cmd.Stdout, cmd.Stderr = output, output // a file, so that Wait need not wait for a copying goroutine
		cmd.SysProcAttr = dieWithParent()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		c.pid, c.process = cmd.Process.Pid, cmd.Process
		started <- nil
		c.waitErr = cmd.Wait()
		close(c.gone)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// dead reports whether the child has been reaped.
func (c *child) dead() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// kill ends the child and waits until it has been reaped. After that, the port and the files of the
// child are free.
func (c *child) kill() error {
	err := c.process.Kill()
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-c.gone
	return nil
}

// exitError says how the child ended. It may be called only after dead has returned true.
func (c *child) exitError() error {
	if c.waitErr == nil {
		return errors.New("the server ended by itself")
	}
	return fmt.Errorf("the server ended by itself: %w", c.waitErr)
}
