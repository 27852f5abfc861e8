package redisd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

const (
	startTimeout = 15 * time.Second // for a context without a deadline; a loaded CI machine needs a few seconds
	stopTimeout  = 5 * time.Second  // for the last fsync; SIGKILL follows
	portAttempts = 20
)

// ErrStopped is returned by Restart after Stop, which is final because the folder may be removed.
var ErrStopped = errors.New("redis-server was stopped for good")

// Server is one redis-server, with its folder and port, and with its process while it runs. It is
// safe for concurrent use.
type Server struct {
	binary  string
	dir     string
	ownDir  bool
	port    int
	options Options

	mu      sync.Mutex
	child   *child // nil while nothing runs
	stopped bool
}

// Start runs a server and returns when it answers PING. The context bounds the start only, and the
// server outlives it. Without a deadline the start may take 15 s. The error wraps ErrNotFound when
// Options.Binary is empty and no redis-server is on PATH. When the server was started but did not
// become ready, the error has the last output of the server.
//
// On Linux the child dies with this process, even after a kill -9 (see startChild). On other
// systems the child survives a kill -9 of its parent and must be ended by hand. The child has a
// process group of its own, so that Ctrl-C reaches this process only. So after Ctrl-C the child is
// still there while the worker drains.
func Start(ctx context.Context, o Options) (*Server, error) {
	s := &Server{binary: o.Binary, dir: o.Dir, port: o.Port, options: o}
	if s.binary == "" {
		path, err := Find()
		if err != nil {
			return nil, err
		}
		s.binary = path
	}
	if err := s.makeDir(); err != nil {
		return nil, err
	}
	ctx, cancel := bound(ctx)
	defer cancel()
	if err := s.startSomewhere(ctx); err != nil {
		s.removeOwnDir()
		return nil, fmt.Errorf("start %s: %w", s.binary, err)
	}
	return s, nil
}

// startSomewhere launches the child on a free port. It tries another port when that port is taken
// before the child binds it. A port that the caller named is tried only once, because another port
// would hide the error.
func (s *Server) startSomewhere(ctx context.Context) error {
	if s.options.Port != 0 {
		return s.launch(ctx)
	}
	var err error
	for range portAttempts {
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err = s.launch(ctx); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

// Addr returns host:port.
func (s *Server) Addr() string { return net.JoinHostPort(loopback, strconv.Itoa(s.port)) }

// URL returns the address of database 0 in the form for redis.ParseURL.
func (s *Server) URL() string { return "redis://" + s.Addr() + "/0" }

// Dir returns the server's folder, which has its log redis.log.
func (s *Server) Dir() string { return s.dir }

// Pid returns the child's process id. It returns 0 while no child runs, which is after Kill, after
// Stop, or when the child ended by itself.
func (s *Server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child == nil || s.child.dead() {
		return 0
	}
	return s.child.pid
}

// Kill ends the child with SIGKILL, as a crash or the OOM killer does, and returns when the child
// is gone. Restart starts the server again. When no child runs, Kill does nothing.
//
// With AppendOnly, answered writes usually survive Kill and Restart, because the system keeps
// written data even before a sync. But while a sync is running on a slow disk, Redis keeps newer
// writes in its memory for up to two seconds. Such writes are lost. A test that promises that no
// answered write is lost sets Args to "--appendfsync", "always".
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kill()
}

func (s *Server) kill() error {
	if s.child == nil {
		return nil
	}
	err := s.child.kill()
	s.child = nil
	if err != nil {
		return fmt.Errorf("kill redis-server: %w", err)
	}
	return nil
}

// Restart starts the server again on the same port and folder. A child that still runs is shut down
// gracefully first. Restart waits for PING, and for the port when another program has taken it, as
// long as ctx allows (15 s without a deadline).
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return ErrStopped
	}
	if err := s.shutdown(); err != nil {
		return err
	}
	ctx, cancel := bound(ctx)
	defer cancel()
	for {
		err := s.launch(ctx)
		if !errors.Is(err, errPortTaken) {
			return err
		}
		if sleep(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("restart redis-server: %w", err)
		}
	}
}

// Stop shuts the child down gracefully, kills it when that fails or takes more than five seconds,
// and removes a temporary folder that Start made. It may be called twice and is final.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	s.stopped = true
	return errors.Join(s.shutdown(), s.removeOwnDir())
}

func (s *Server) shutdown() error {
	if s.child == nil || s.child.dead() {
		s.child = nil
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	// A server that cannot be asked, because it hangs or still loads, is killed below.
	if requestShutdown(ctx, s.Addr()) == nil {
		select {
		case <-s.child.gone:
			s.child = nil
			return nil
		case <-ctx.Done():
		}
	}
	return s.kill()
}

func (s *Server) makeDir() error {
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "redisd-")
		if err != nil {
			return fmt.Errorf("make redis folder: %w", err)
		}
		s.dir, s.ownDir = dir, true
		return nil
	}
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return fmt.Errorf("make redis folder: %w", err)
	}
	s.dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make redis folder: %w", err)
	}
	return nil
}

func (s *Server) removeOwnDir() error {
	if !s.ownDir {
		return nil
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("remove redis folder: %w", err)
	}
	return nil
}

func bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, startTimeout)
}
