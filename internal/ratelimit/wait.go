package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// Share leaves this part of each window (0 to below 1) to more urgent callers; see [Request].
func Share(part float64) Option { return func(r *Request) { r.Share = part } }

// Ticket names the caller, the same at each of its returns: a long wait then keeps its place in the line, and the delay that it is told is that of its own turn. Without tickets,
// all who wait are told the same instant, come back together, and all but one find the window taken.
//
// One ticket is for one request at a time. The line is only about order and about when to come back: what may be sent is decided by what is booked, so a
// ticket that is lost, or kept too long, can overrun nothing.
func Ticket(name string) Option { return func(r *Request) { r.Ticket = name } }

// Due says by when what is asked for has to be done: in the line, who is due sooner stands before who came sooner. For requests that come to an end (a send, a session to be opened) and not
// for those that are repeated for as long as there is something to ask: the most urgent one would have the line for itself. The zero time changes nothing.
func Due(t time.Time) Option { return func(r *Request) { r.Due = t } }

type terms struct{}

// With returns a context that carries options for every request made under it, so that a caller can say who it is and how urgent, through a client that knows nothing
// of either. Options given to a call come after them; those of an inner With after those of an outer one.
func With(ctx context.Context, opts ...Option) context.Context {
	before, _ := ctx.Value(terms{}).([]Option)
	return context.WithValue(ctx, terms{}, append(slices.Clip(before), opts...))
}

// MaxWait replaces the limiter's MaxSleep for one request: the longest wait that is slept. Zero or less: now or not at all.
func MaxWait(d time.Duration) Option { return func(r *Request) { r.MaxWait = max(d, 0) } }

func (l *Limiter) request(ctx context.Context, tenant, group string, opts []Option) Request {
	r := Request{
		Key:     Key{tenant, group},
		Limits:  l.Limits(tenant, group),
		MaxWait: max(l.maxSleep, 0),
		Margin:  l.margin,
	}
	carried, _ := ctx.Value(terms{}).([]Option)
	for _, o := range append(slices.Clip(carried), opts...) {
		o(&r)
	}
	return r
}

// Join looks whether a request with a [Ticket] may go within the limiter's MaxSleep. It returns nil when it may: then go on and call Wait soon. Otherwise it keeps the
// caller a place in line and returns *[NotNow] with the exact delay. Nothing is booked either way: it is for a caller who would rather not prepare what it can't send yet.
func (l *Limiter) Join(ctx context.Context, tenant, group string, opts ...Option) error {
	r := l.request(ctx, tenant, group, opts)
	patience := r.MaxWait
	r.MaxWait = AskOnly
	_, err := l.store.Book(ctx, r)
	notNow, ok := errors.AsType[*NotNow](err)
	if !ok {
		return fmt.Errorf("join the line: %w", err)
	}
	if notNow.Wait <= patience {
		return nil
	}
	return l.early(notNow)
}

// Leave gives up the places in line that the context's [Ticket] has in a group.
func (l *Limiter) Leave(ctx context.Context, tenant, group string) error {
	r := l.request(ctx, tenant, group, nil)
	return l.store.Leave(ctx, r.Key, r.Ticket)
}

// mostEarly is as early as a queue needs that brings tasks back on whole seconds and up to a second late. Coming earlier would only hold a worker.
const mostEarly = 2 * time.Second

// early tells a caller how much before its time it may come back: it would sleep the rest.
func (l *Limiter) early(n *NotNow) error {
	told := *n
	told.Early = min(max(l.maxSleep, 0), mostEarly, n.Wait)
	return &told
}

// Wait returns nil when the request may go, and then it has to go at once. It sleeps a short wait; for a longer one, or one that would outlast the
// context's deadline, it returns *[NotNow] with the exact delay, having booked nothing. When the context ends it gives its place back and returns
// an error that wraps the context's cause. Any other error is the store's: without the store nothing may go.
//
// One nil is leave for one request. A repetition of the request needs a Wait of its own.
func (l *Limiter) Wait(ctx context.Context, tenant, group string, opts ...Option) error {
	r := l.request(ctx, tenant, group, opts)
	patience := r.MaxWait
	came := time.Now()
	for range attempts {
		r.MaxWait = patience
		if deadline, ok := ctx.Deadline(); ok {
			r.MaxWait = min(patience, max(time.Until(deadline), 0))
		}
		asked := time.Now()
		b, err := l.store.Book(ctx, r)
		if notNow, ok := errors.AsType[*NotNow](err); ok {
			return fmt.Errorf("wait for leave: %w", l.early(notNow))
		}
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
