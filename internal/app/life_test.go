package app_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
)

// listens reports whether addr accepts connections.
func listens(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// A worker that never ran holds a port and connections, which Stop must close.
func TestWorker_StoppedBeforeRun_ClosesWhatItHolds(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	w := p.newWorker(p.open())
	if !listens(w.Addr()) {
		t.Fatal("a new worker does not listen: this test proves nothing")
	}
	for range 2 {
		if err := w.Stop(t.Context()); err != nil {
			t.Errorf("Stop returned %v, want nil", err)
		}
	}
	if listens(w.Addr()) {
		t.Error("after Stop the worker still listens")
	}
	if err := w.Run(t.Context()); err != nil {
		t.Errorf("Run after Stop returned %v, want nil", err)
	}
}

func TestWorker_StoppedWhileItRuns_StopsInOrderOnce(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	w := p.newWorker(p.open())
	ran := make(chan error, 1)
	go func() { ran <- w.Run(context.WithoutCancel(t.Context())) }()
	until(t, 10*time.Second, "the worker listens", func() bool { return listens(w.Addr()) })
	ended, cancel := context.WithCancelCause(t.Context())
	noTime := errors.New("no time")
	cancel(noTime)
	if err := w.Stop(ended); !errors.Is(err, noTime) && err != nil {
		t.Errorf("Stop with a context that has ended returned %v, want nil or the context's cause", err)
	}
	stopped := make(chan error, 3)
	for range cap(stopped) {
		go func() { stopped <- w.Stop(context.WithoutCancel(t.Context())) }()
	}
	for range cap(stopped) {
		if err := <-stopped; err != nil {
			t.Errorf("Stop returned %v, want nil", err)
		}
	}
	if err := <-ran; err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
	if listens(w.Addr()) {
		t.Error("after Stop the worker still listens")
	}
}

// When NewWorker fails, it closes what it has opened, and leaves the caller's pool open.
func TestNewWorker_Fails_LeavesNothingOpenButThePool(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, func(c *config.Config) { c.HTTP.Addr = "192.0.2.1:1" })
	shared := p.open()
	defer func() { _ = shared.Close() }()
	if _, err := app.NewWorker(t.Context(), shared, zerolog.Nop()); err == nil {
		t.Fatal("NewWorker returned no error, although it cannot listen on an address of another machine")
	}
	if err := shared.Redis.Ping(t.Context()).Err(); err != nil {
		t.Errorf("NewWorker has closed the caller's pool: %v", err)
	}
}
