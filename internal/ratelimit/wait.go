package ratelimit

import (
	"context"
	"fmt"
	"time"
)

const (
	// attempts is how often Wait books anew for a request that was held up. More would let one overloaded process eat the allowance of the pool.
	attempts = 3
	// heldUp is how long such a request is sent away for.
	heldUp = time.Second
	// returning bounds the call that gives a place back after the caller's context has ended.
	returning = time.Second
)

// Option changes one request.
type Option func(*Request)

// Reserve leaves at least n places of each window to more urgent callers; see [Request].
func Reserve(n int) Option { return func(r *Request) { r.Reserve = n } }

// MaxWait replaces the limiter's MaxSleep for one request: the longest wait that is slept. Zero or less: now or not at all.
func MaxWait(d time.Duration) Option { return func(r *Request) { r.MaxWait = max(d, 0) } }

func (l *Limiter) request(tenant, group string, opts []Option) Request {
	r := Request{
		Key:     Key{tenant, group},
		Limits:  l.Limits(tenant, group),
		MaxWait: max(l.maxSleep, 0),
		Margin:  l.margin,
	}
	for _, o := range opts {
		o(&r)
	}
	return r
}

// Wait returns nil when the request may go, and then it has to go at once. It sleeps a short wait; for a longer one, or one that would outlast the
// context's deadline, it returns *[NotNow] with the exact delay, having booked nothing. When the context ends it gives its place back and returns
// an error that wraps the context's cause. Any other error is the store's: without the store nothing may go.
//
// One nil is leave for one request. A repetition of the request needs a Wait of its own.
func (l *Limiter) Wait(ctx context.Context, tenant, group string, opts ...Option) error {
	r := l.request(tenant, group, opts)
	patience := r.MaxWait
	came := time.Now()
	for range attempts {
		r.MaxWait = patience
		if deadline, ok := ctx.Deadline(); ok {
			r.MaxWait = min(patience, max(time.Until(deadline), 0))
		}
		asked := time.Now()
		b, err := l.store.Book(ctx, r)
		if err != nil {
			return fmt.Errorf("wait for leave: %w", err)
		}
		if err := sleep(ctx, b.Wait); err != nil {
			l.giveBack(ctx, b)
			return fmt.Errorf("wait for leave of %s: %w", r.Key, err)
		}
		mayGo, err := l.lookAgain(ctx, b, asked)
		if err != nil {
			return fmt.Errorf("look again after waiting: %w", err)
		}
		if mayGo {
			if l.observer != nil {
				l.observer.OnWait(tenant, group, time.Since(came))
			}
			return nil
		}
		l.giveBack(ctx, b)
	}
	return &NotNow{Wait: heldUp, Reason: ReasonLimit, Key: r.Key}
}

// lookAgain reports whether a booking still holds: nobody has frozen the key while we slept, and the booked instant is not longer ago than the margin covers. A process
// that was suspended, or Redis that answered late, would otherwise send at an instant that was never booked.
func (l *Limiter) lookAgain(ctx context.Context, b Booking, asked time.Time) (bool, error) {
	if b.Wait > 0 {
		u, err := l.store.Usage(ctx, b.Key, nil)
		if err != nil {
			return false, err
		}
		if u.Frozen > 0 {
			return false, nil
		}
	}
	// The instant of booking lies somewhere after asked, so this is at least how late we are.
	late := time.Since(asked) - b.Wait
	return l.margin == 0 || late <= l.margin, nil
}

// giveBack cancels a booking even though the context may have ended. Its error is of no use to anybody: the place lapses then, which is safe.
func (l *Limiter) giveBack(ctx context.Context, b Booking) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), returning)
	defer cancel()
	_ = l.store.Cancel(ctx, b)
}

func sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
