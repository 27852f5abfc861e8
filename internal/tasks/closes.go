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
	// parallelCloses is how many sessions one worker closes at a time. tenantCloses is how many of
	// them may be of one tenant. So a gateway that does not answer one tenant's closes holds up
	// only the closes of that tenant.
	parallelCloses = 32
	tenantCloses   = 2
	// closesEnd is how long a cancelled close may take to end.
	closesEnd = time.Second
	// closeRest is the longest pause between two tries of this worker to close one of its own
	// sessions.
	closeRest = 5 * time.Minute
)

// closes carries out the closing of sessions side by side, one close at a time for each package. It
// is safe for concurrent use.
type closes struct {
	mu      sync.Mutex
	running map[string]context.CancelFunc // cancels the close that runs, by package
	tenants map[string]chan struct{}      // places of each tenant
	all     chan struct{}                 // places of the worker
	wg      sync.WaitGroup
}

func newCloses() *closes {
	return &closes{
		running: map[string]context.CancelFunc{},
		tenants: map[string]chan struct{}{},
		all:     make(chan struct{}, parallelCloses),
	}
}

// start calls the function do as soon as there is a place for it, and passes its error to the
// function done. start does not wait for do. When ctx ends before there is a place, do is not
// called, and done gets the cause. When the package is being closed already, start does nothing.
func (c *closes) start(ctx context.Context, tenant, pkg string, do func(context.Context) error, done func(error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running[pkg] != nil {
		return
	}
	ctx, cancel := context.WithCancel(ratelimit.WithObject(ctx, pkg))
	c.running[pkg] = cancel
	place := c.tenants[tenant]
	if place == nil {
		place = make(chan struct{}, tenantCloses)
		c.tenants[tenant] = place
	}
	c.wg.Go(func() {
		defer c.end(pkg)
		done(within(ctx, place, func() error {
			return within(ctx, c.all, func() error { return guard(func() error { return do(ctx) }) })
		}))
	})
}

// within waits for one of the places, and calls do while it has the place.
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
	c.running[pkg]()
	delete(c.running, pkg)
}

// has reports whether a package is being closed.
func (c *closes) has(pkg string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running[pkg] != nil
}

// wait waits until all closes have ended. When ctx ends first, it cancels them.
func (c *closes) wait(ctx context.Context) error {
	ended := make(chan struct{})
	go func() { c.wg.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	n := len(c.running)
	for _, cancel := range c.running {
		cancel()
	}
	c.mu.Unlock()
	select {
	case <-ended:
	case <-time.After(closesEnd):
	}
	return fmt.Errorf("wait for %d closes: %w", n, context.Cause(ctx))
}

// closeIdle begins to close sessions that are idle, old, full or dropped, once no send runs in
// them.
func (x *onlineSessions) closeIdle(ctx context.Context) {
	x.startCloses(ctx, func(err error) { x.warn(ctx, "close idle sessions", err) })
}

// closeAll waits for the closes that run, then tries once to close each session that is left.
func (x *onlineSessions) closeAll(ctx context.Context) error {
	if err := x.closes.wait(ctx); err != nil {
		return err
	}
	var mu sync.Mutex
	var errs []error
	x.startCloses(ctx, func(err error) {
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
	})
	if err := x.closes.wait(ctx); err != nil {
		return err
	}
	return errors.Join(errs...)
}

func (x *onlineSessions) startCloses(ctx context.Context, done func(error)) {
	for _, s := range x.express.due(x.o.Now(), x.o) {
		do := func(ctx context.Context) error { return x.closeOwn(ctx, s) }
		x.closes.start(ctx, s.pkg.Tenant, s.pkg.ID, do, func(err error) {
			if closed(err) {
				x.express.forget(s)
				err = nil
			} else {
				err = fmt.Errorf("close session %s: %w", s.pkg.Session, err)
			}
			done(err)
		})
	}
}

func (x *onlineSessions) closeOne(ctx context.Context, s *onlineSession) error {
	p, err := x.Ledger.Package(ctx, s.pkg.ID)
	switch {
	case err == nil:
		return x.closeOnline(ctx, &p)
	case errors.Is(err, ledger.ErrNotFound):
		// Redis lost the package, but KSeF still has the invoices that were sent into its session.
		// So the session is closed all the same, because a closed session has a receipt, and the
		// receipt shows which invoices KSeF has.
		return x.closeUnrecorded(ctx, s)
	}
	return err
}

// due ends the use of sessions that are idle, old or full. It returns the ended sessions in which
// no send runs and whose next close is due. When the worker stops, all of them are due.
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

// rest sets the pause after a failed close of a session. The pause grows with the time since the
// first failure. Only this pause slows these tries down, because failures of one session open no
// circuit, and the ledger may not know the session.
func (e *express) rest(s *onlineSession, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s.again = now.Add(retry.PollPause(now.Sub(s.failing), pulseEvery, closeRest))
}

// forget removes a session that is closed, or that another worker has to close.
func (e *express) forget(s *onlineSession) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.ended, s)
}
