package tasks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

const (
	// parallelCloses is how many sessions one worker closes at a time, tenantCloses how many of
	// those may be of one tenant: a gateway that answers one tenant's closes by silence holds up
	// that tenant's closes, and no other's.
	parallelCloses = 32
	tenantCloses   = 2
	// closesEnd is how long a close that was cut off may take to notice.
	closesEnd = time.Second
	// closeRest is the longest pause between two tries to close a session that only this memory knows.
	closeRest = 5 * time.Minute
)

// closes runs closes side by side, each package's once. Safe for concurrent use.
type closes struct {
	mu      sync.Mutex
	under   map[string]context.CancelFunc // by package
	tenants map[string]chan struct{}      // places
	all     chan struct{}
	running sync.WaitGroup
}

func newCloses() *closes {
	return &closes{under: map[string]context.CancelFunc{}, tenants: map[string]chan struct{}{}, all: make(chan struct{}, parallelCloses)}
}

// start lets do run when there is a place for it, and hands what came of it to done. It does not
// wait for it. A package that is being closed already is left alone.
func (c *closes) start(ctx context.Context, tenant, pkg string, do func(context.Context) error, done func(error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.under[pkg] != nil {
		return
	}
	ctx, cancel := context.WithCancel(ratelimit.WithObject(ctx, pkg))
	c.under[pkg] = cancel
	place := c.tenants[tenant]
	if place == nil {
		place = make(chan struct{}, tenantCloses)
		c.tenants[tenant] = place
	}
	c.running.Go(func() {
		defer c.end(pkg)
		done(within(ctx, place, func() error {
			return within(ctx, c.all, func() error { return guard(func() error { return do(ctx) }) })
		}))
	})
}

// within runs do while it has one of the places.
func within(ctx context.Context, places chan struct{}, do func() error) error {
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
		return do()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *closes) end(pkg string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.under[pkg]()
	delete(c.under, pkg)
}

// has reports whether a package is being closed.
func (c *closes) has(pkg string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.under[pkg] != nil
}

// wait waits for what is under way until ctx ends, then cuts it off.
func (c *closes) wait(ctx context.Context) error {
	ended := make(chan struct{})
	go func() { c.running.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	n := len(c.under)
	for _, cancel := range c.under {
		cancel()
	}
	c.mu.Unlock()
	select {
	case <-ended:
	case <-time.After(closesEnd):
	}
	return fmt.Errorf("wait for %d closes: %w", n, context.Cause(ctx))
}

// closeIdle begins to close sessions that are idle, old, full or dropped, once no send is under way
// in them.
func (w *Worker) closeIdle(ctx context.Context) {
	w.startCloses(ctx, func(err error) { w.warn(ctx, "close idle sessions", err) })
}

// closeAll waits for the closes under way, then closes whatever is left, each once.
func (w *Worker) closeAll(ctx context.Context) error {
	if err := w.closes.wait(ctx); err != nil {
		return err
	}
	var mu sync.Mutex
	var errs []error
	w.startCloses(ctx, func(err error) {
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
	})
	if err := w.closes.wait(ctx); err != nil {
		return err
	}
	return errors.Join(errs...)
}

func (w *Worker) startCloses(ctx context.Context, done func(error)) {
	for _, s := range w.express.due(w.o.Now(), w.o) {
		w.closes.start(ctx, s.pkg.Tenant, s.pkg.ID, func(ctx context.Context) error { return w.closeOwn(ctx, s) }, func(err error) {
			if closed(err) {
				w.express.forget(s)
				err = nil
			} else {
				err = fmt.Errorf("close session %s: %w", s.pkg.Session, err)
			}
			done(err)
		})
	}
}

func (w *Worker) closeOne(ctx context.Context, s *onlineSession) error {
	p, err := w.Ledger.Package(ctx, s.pkg.ID)
	switch {
	case err == nil:
		return w.closeOnline(ctx, &p)
	case errors.Is(err, ledger.ErrNotFound):
		// Redis lost it. What was sent into it is in KSeF all the same: closed, it has a receipt,
		// by which that is found again.
		return w.closeUnrecorded(ctx, s)
	}
	return err
}

// due takes sessions that are idle, old or full out of use, and lists those that nobody sends into
// any more.
func (e *express) due(now time.Time, o Options) []*onlineSession {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, s := range e.sessions {
		idle := now.Sub(s.used) >= o.ExpressIdle && s.users == 0
		if idle || now.Sub(s.opened) >= o.ExpressMaxAge || s.sent >= min(o.ExpressMaxInvoices, o.sessionInvoices(s.pkg.Tenant)) {
			e.end(key, s)
		}
	}
	var due []*onlineSession
	for s := range e.ended {
		if s.users == 0 && (e.stopped || !now.Before(s.again)) {
			due = append(due, s)
		}
	}
	return due
}

// rest lets a session's close that failed wait the longer the longer it has. Nobody else counts its
// tries: it is asked about by itself, and the ledger does not know it.
func (e *express) rest(s *onlineSession, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s.again = now.Add(retry.Age(now.Sub(s.failing), pulseEvery, closeRest))
}

// forget lets go of a session that is closed, or another's to close.
func (e *express) forget(s *onlineSession) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.ended, s)
}
