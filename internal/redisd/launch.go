package redisd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

var errPortTaken = errors.New("port is taken")

// launch starts the child on s.port and waits until it answers. The caller holds s.mu or is the
// only owner of s. After an error no child runs.
func (s *Server) launch(ctx context.Context) error {
	logPath := filepath.Join(s.dir, "redis.log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open redis log: %w", err)
	}
	defer log.Close()
	before, err := log.Stat()
	if err != nil {
		return fmt.Errorf("open redis log: %w", err)
	}
	c, err := startChild(s.binary, s.args(), s.dir, log)
	if err != nil {
		return fmt.Errorf("run %s: %w", s.binary, err)
	}
	if err := waitReady(ctx, c, s.Addr()); err != nil {
		killErr := c.kill()
		output := tail(logPath, before.Size())
		if strings.Contains(output, "Address already in use") {
			err = errPortTaken
		}
		return errors.Join(fmt.Errorf("wait for %s: %w; the server wrote: %s", s.Addr(), err, output), killErr)
	}
	s.child = c
	return nil
}

func (s *Server) args() []string {
	args := []string{
		"--port", strconv.Itoa(s.port),
		"--bind", loopback,
		"--protected-mode", "yes",
		"--daemonize", "no",
		"--dir", s.dir,
		"--logfile", "", // standard output, where Redis also writes before it has read its settings
		"--save", "", // no snapshots, which would change what a kill leaves
		"--maxmemory-policy", "noeviction",
	}
	if s.options.AppendOnly {
		args = append(args, "--appendonly", "yes", "--appendfsync", "everysec")
	}
	return append(args, s.options.Args...)
}

// waitReady polls until the server that answers is our own child. It compares the process ids,
// because two processes that use this package may choose the same free port. Only one of their
// servers gets the port. Without the comparison, the other process would take that server for its
// own child.
func waitReady(ctx context.Context, c *child, addr string) error {
	for {
		pid, err := probe(ctx, addr)
		switch {
		case err == nil && pid == c.pid:
			return nil
		case err == nil:
			return errPortTaken
		case c.dead():
			return c.exitError()
		}
		if sleep(ctx, 5*time.Millisecond) != nil {
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// probe asks once and waits at most a second, because another program may hold the port and never
// answer.
func probe(ctx context.Context, addr string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return serverPid(ctx, addr)
}

// tail returns what was written to the log after offset from, on one line and at most the last
// kilobyte; "nothing" when nothing was written.
func tail(path string, from int64) string {
	data, err := os.ReadFile(path)
	if err != nil || int64(len(data)) <= from {
		return "nothing"
	}
	data = data[from:]
	if len(data) > 1024 {
		data = data[len(data)-1024:]
	}
	return strings.Join(strings.Fields(string(data)), " ")
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
