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
	// maxCalls bounds the calls that have not come back, those that nobody waits for included: each
	// of them may hold a thread of the system.
	maxCalls = 32
	// Large things get more time: by the slowest line on which an archive is of any use, and the
	// slowest disk.
	leastBytesPerSecond  = 250_000
	leastSyncedPerSecond = 4_000_000
	// The names under which the calls without a name are counted. No object is called so.
	flushKey, checkKey = ".flush", ".check"
)

// guard stands before a back end, so that one which hangs holds nobody. Each call runs in a
// goroutine of its own and is left behind when its time is up: a read of a network folder that is
// away blocks in the system and obeys no context.
//
// What was left behind may still read the data that it was given, and may still be carried out. So
// the data MUST NOT be changed by the caller, not even after an error; and while a call is out, no
// other of the same name is begun. That keeps an old result from overwriting a newer one, and one
// object that hangs from holding more than one thread, however often it is asked for.
type guard struct {
	Store
	timeout   time.Duration
	circuit   circuit
	unflushed atomic.Int64 // bytes taken since the last Flush

	places chan struct{}
	mu     sync.Mutex
	left   map[string]int // calls left behind, by name
	stuck  int            // all of them
}

// Guard puts the same guard before a store of another make: time-outs, a circuit, and calls that
// are left behind when they hang.
func Guard(s Store, o Options) Store { return newGuard(s, o) }

func newGuard(s Store, o Options) *guard {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	return &guard{Store: s, timeout: o.Timeout, circuit: circuit{onChange: o.OnChange}, places: make(chan struct{}, maxCalls),
		left: map[string]int{}}
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

// sized is the patience for a write, whose bytes the next Flush has to bring to disk.
func (g *guard) sized(bytes int) time.Duration {
	g.unflushed.Add(int64(bytes))
	return g.timeout + perByte(int64(bytes), leastBytesPerSecond)
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
		return nil, err // data may be written by the goroutine that was left behind
	}
	return data, nil
}

func (g *guard) Remove(ctx context.Context, name string) error {
	return g.do(ctx, "remove "+name, name, g.timeout, func(ctx context.Context) error { return g.Store.Remove(ctx, name) })
}

func (g *guard) Flush(ctx context.Context, names ...string) error {
	bytes := g.unflushed.Load()
	err := g.do(ctx, "flush", flushKey, g.timeout+perByte(bytes, leastSyncedPerSecond), func(ctx context.Context) error {
		return g.Store.Flush(ctx, names...)
	})
	if err == nil {
		g.unflushed.Add(-bytes)
	}
	return err
}

// Check is the circuit's probe as well, whoever asks for it.
func (g *guard) Check(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return g.judge(ctx, true, g.call(ctx, "check archive", checkKey, g.timeout, g.Store.Check))
}

func (g *guard) health() Health {
	h := g.circuit.look()
	g.mu.Lock()
	defer g.mu.Unlock()
	h.Stuck = g.stuck
	return h
}

// do makes one call, unless the store is out of service. Whoever comes when a probe is due makes
// it.
func (g *guard) do(ctx context.Context, what, key string, patience time.Duration, f func(context.Context) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	h, probe := g.circuit.ask()
	if h.Out && !probe {
		return fmt.Errorf("%s: %w", what, outOfService(h))
	}
	if probe {
		err := g.Check(ctx)
		g.circuit.probed()
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return g.judge(ctx, false, g.call(ctx, what, key, patience, f))
}

// judge tells the circuit how a call ended.
func (g *guard) judge(ctx context.Context, check bool, err error) error {
	switch {
	case err == nil:
		g.circuit.answered(check)
		return nil
	case ctx.Err() != nil:
		return err // the caller's own end
	case aboutContent(err) && !check, errors.Is(err, ErrCorrupt):
		// A probe that comes back damaged came back: it is one object more that is not sound.
		g.circuit.answered(check)
		return err
	}
	e := &CallError{Sick: sick(err), Err: err}
	if e.Sick || check {
		g.circuit.failed(check, err)
	} else {
		g.circuit.answered(false)
	}
	if h := g.circuit.look(); h.Out {
		e.Wait = h.Wait
	}
	return e
}
