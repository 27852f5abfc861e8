package archive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultTimeout = 30 * time.Second
	// maxCalls is the maximum number of running calls, including those that were left behind. Each
	// of them may block a thread of the system.
	maxCalls = 32
	// Large objects get more time. The rates are those of the slowest network and the slowest disk
	// on which an archive is still useful.
	minBytesPerSecond  = 250_000
	minSyncedPerSecond = 4_000_000
	// The names under which calls without a name are counted. No object can have these names.
	flushKey, checkKey = ".flush", ".check"
)

// guard wraps a back end, so that a hanging back end blocks nobody. Each call runs in its own
// goroutine, because a read from an unavailable network folder blocks in the system and ignores its
// context. When its time is up, the call is left behind.
//
// A call that was left behind may still read its data, and may still be carried out. So the caller
// MUST NOT change the data, even after an error. While a call is left behind, no other call for the
// same name begins. Otherwise an old result could overwrite a newer one, and a single object that
// hangs could block several threads.
type guard struct {
	Store
	timeout   time.Duration
	circuit   circuit
	unflushed atomic.Int64 // bytes put since the last Flush
	failures  atomic.Uint64

	slots chan struct{} // holds one value for each running call
	mu    sync.Mutex
	left  map[string]int // calls left behind, by name
	stuck int            // all calls left behind
}

// Guard gives a store that is not from [Open] what Open gives its stores: time limits, and a
// circuit of its own (circuit.go). Calls that hang are left behind.
func Guard(s Store, o Options) Store { return newGuard(s, o) }

func newGuard(s Store, o Options) *guard {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	return &guard{Store: s, timeout: o.Timeout, circuit: circuit{onChange: o.OnChange},
		slots: make(chan struct{}, maxCalls), left: map[string]int{}}
}

func (g *guard) Put(ctx context.Context, name string, data []byte, contentType string) error {
	return g.do(ctx, "put "+name, name, g.sized(len(data)), func(ctx context.Context) error {
		return g.Store.Put(ctx, name, data, contentType)
	})
}

func (g *guard) Replace(ctx context.Context, name string, data []byte, contentType string) error {
	return g.do(ctx, "replace "+name, name, g.sized(len(data)), func(ctx context.Context) error {
		return g.Store.Replace(ctx, name, data, contentType)
	})
}

// sized returns the time limit of a write, and counts its bytes for the next Flush.
func (g *guard) sized(bytes int) time.Duration {
	g.unflushed.Add(int64(bytes))
	return g.timeout + perByte(int64(bytes), minBytesPerSecond)
}

func perByte(bytes, perSecond int64) time.Duration {
	return time.Duration(float64(bytes) / float64(perSecond) * float64(time.Second))
}

func (g *guard) Get(ctx context.Context, name string) ([]byte, error) {
	var data []byte
	err := g.do(ctx, "get "+name, name, g.timeout, func(ctx context.Context) (err error) {
		data, err = g.Store.Get(ctx, name)
		return err
	})
	if err != nil {
		return nil, err // the goroutine that was left behind may still write data
	}
	return data, nil
}

func (g *guard) Remove(ctx context.Context, name string) error {
	return g.do(ctx, "remove "+name, name, g.timeout, func(ctx context.Context) error { return g.Store.Remove(ctx, name) })
}

func (g *guard) Flush(ctx context.Context, names ...string) error {
	bytes := g.unflushed.Load()
	err := g.do(ctx, "flush", flushKey, g.timeout+perByte(bytes, minSyncedPerSecond), func(ctx context.Context) error {
		return g.Store.Flush(ctx, names...)
	})
	if err == nil {
		g.unflushed.Add(-bytes)
	}
	return err
}

// Check also counts as a probe of the circuit, even when none is due.
func (g *guard) Check(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return g.record(ctx, true, g.call(ctx, "check archive", checkKey, g.timeout, g.Store.Check))
}

func (g *guard) health() Health {
	h := g.circuit.health()
	g.mu.Lock()
	defer g.mu.Unlock()
	h.Stuck = g.stuck
	h.Failures = g.failures.Load()
	return h
}

// do makes one call, unless the store is out of service. When a probe is due, the first caller
// makes it.
func (g *guard) do(ctx context.Context, what, key string, limit time.Duration, f func(context.Context) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	h, probe := g.circuit.ask()
	if h.OutOfService && !probe {
		return fmt.Errorf("%s: %w", what, outOfService(h))
	}
	if probe {
		err := g.Check(ctx)
		g.circuit.probed()
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return g.record(ctx, false, g.call(ctx, what, key, limit, f))
}

// record tells the circuit how a call ended. It wraps an error that is the fault of the store in a
// *CallError.
func (g *guard) record(ctx context.Context, check bool, err error) error {
	switch {
	case err == nil:
		g.circuit.answered(check)
		return nil
	case ctx.Err() != nil:
		return err // the caller has given up, which says nothing about the store
	case aboutContent(err) && !check, errors.Is(err, ErrCorrupt):
		// The store has answered, and the answer is about one object only. That holds for Check too
		// when the object that it reads is damaged.
		g.circuit.answered(check)
		return err
	}
	g.failures.Add(1)
	e := &CallError{Sick: sick(err), Err: err}
	if e.Sick || check {
		g.circuit.failed(check, err)
	} else {
		g.circuit.answered(false)
	}
	if h := g.circuit.health(); h.OutOfService {
		e.Wait = h.Wait
	}
	return e
}
