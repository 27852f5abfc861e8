package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// maxBookings is how often Wait books for one request that is delayed again and again. More
	// would let one overloaded process use up the allowance of the pool.
	maxBookings = 3
	// overloadPause is how long a request has to wait after maxBookings bookings.
	overloadPause = time.Second
	// cancelTimeout bounds the call that releases a place after the caller's context has ended.
	cancelTimeout = time.Second
)

// Option changes one request.
type Option func(*Request)

// Reserve leaves at least n places of each window to more urgent callers; see [Request].
func Reserve(n int) Option { return func(r *Request) { r.Reserve = n } }

// Share leaves this part of each window (0 to below 1) to more urgent callers; see [Request].
func Share(part float64) Option { return func(r *Request) { r.Share = part } }

// Ticket names the caller; the name is the same at each of its returns. A caller with a ticket
// keeps its place on the waitlist, and is told the delay until its own turn. Without tickets, all
// waiting callers are told the same instant. They come back together, and most of them find the
// window full.
//
// One ticket is for one request at a time. The waitlist decides only order and time of return.
// Bookings decide what may be sent, so a ticket that is lost or kept too long can overrun no
// window.
func Ticket(name string) Option { return func(r *Request) { r.Ticket = name } }

// Due sets the deadline of what is requested. The waitlist is ordered by deadline, and then by
// arrival. Due is for requests that are made once, such as sending an invoice or opening a session.
// Repeated requests such as polls must have no deadline, because the most urgent caller would
// always be first. The zero time changes nothing.
func Due(t time.Time) Option { return func(r *Request) { r.Due = t } }

type optionsKey struct{}

// With returns a context that carries options for every request made under it. So a caller can pass
// its ticket and urgency through a client that does not know them. The options of an inner With are
// applied after those of an outer one, and options given to a call are applied last.
func With(ctx context.Context, opts ...Option) context.Context {
	before, _ := ctx.Value(optionsKey{}).([]Option)
	return context.WithValue(ctx, optionsKey{}, append(slices.Clip(before), opts...))
}

// MaxWait sets the longest time that Wait sleeps for one request, in place of the limiter's
// MaxSleep. Zero or less means now or not at all.
func MaxWait(d time.Duration) Option { return func(r *Request) { r.MaxWait = max(d, 0) } }

func (l *Limiter) request(ctx context.Context, tenant, group string, opts []Option) Request {
	r := Request{
		Key:     Key{tenant, group},
		Limits:  l.Limits(tenant, group),
		MaxWait: max(l.maxSleep, 0),
		Margin:  l.margin,
	}
	carried, _ := ctx.Value(optionsKey{}).([]Option)
	for _, o := range append(slices.Clip(carried), opts...) {
		o(&r)
	}
	return r
}

// Join checks whether a request with a [Ticket] may go within the limiter's MaxSleep, or within the
// [MaxWait] of the request. If it may, Join returns nil and the caller should call Wait soon.
// Otherwise Join returns *[NotNow] with the exact delay. In both cases it keeps a place on the
// waitlist for the caller and books nothing. Join is for callers that want to prepare only what
// they can send.
func (l *Limiter) Join(ctx context.Context, tenant, group string, opts ...Option) error {
	r := l.request(ctx, tenant, group, opts)
	maxWait := r.MaxWait
	r.MaxWait = AskOnly
	_, err := l.store.Book(ctx, r)
	notNow, ok := errors.AsType[*NotNow](err)
	if !ok {
		return fmt.Errorf("join the waitlist: %w", err)
	}
	if notNow.Wait <= maxWait {
		return nil
	}
	return l.early(notNow)
}

// Leave gives up the places that the context's [Ticket] has on a group's waitlists.
func (l *Limiter) Leave(ctx context.Context, tenant, group string) error {
	r := l.request(ctx, tenant, group, nil)
	return l.store.Leave(ctx, r.Key, r.Ticket)
}

// maxEarly is enough for a queue that brings tasks back on whole seconds and up to a second late. A
// task that comes earlier only keeps a worker busy.
const maxEarly = 2 * time.Second

// early sets [NotNow].Early, which is how much sooner than Wait the caller may come back. The
// limiter then sleeps for the rest.
func (l *Limiter) early(n *NotNow) error {
	told := *n
	told.Early = min(max(l.maxSleep, 0), maxEarly, n.Wait)
	return &told
}

// Wait returns nil when the request may go, and the request must then go at once. Wait sleeps for a
// short wait. If the wait is longer than the caller accepts, or would outlast the context's
// deadline, Wait books nothing and returns *[NotNow] with the exact delay. It also returns
// *[NotNow] if three bookings in a row ended before the request could go. When the context ends,
// Wait releases its place and returns an error that wraps the context's cause. Any other error is
// the store's, and the request must not go.
//
// Each nil permits one request. A repetition of the request needs a Wait of its own.
func (l *Limiter) Wait(ctx context.Context, tenant, group string, opts ...Option) error {
	r := l.request(ctx, tenant, group, opts)
	maxWait := r.MaxWait
	start := time.Now()
	for range maxBookings {
		r.MaxWait = maxWait
		if deadline, ok := ctx.Deadline(); ok {
			r.MaxWait = min(maxWait, max(time.Until(deadline), 0))
		}
		asked := time.Now()
		b, err := l.store.Book(ctx, r)
		if notNow, ok := errors.AsType[*NotNow](err); ok {
			return l.early(notNow) // not wrapped, because people see its text as it is
		}
		if err != nil {
			return fmt.Errorf("wait for the limiter: %w", err)
		}
		if err := sleep(ctx, b.Wait); err != nil {
			l.giveBack(ctx, b)
			return fmt.Errorf("wait for the limiter, %s: %w", r.Key, err)
		}
		mayGo, err := l.recheck(ctx, b, asked)
		if err != nil {
			return fmt.Errorf("check again after waiting: %w", err)
		}
		if mayGo {
			if l.observer != nil {
				l.observer.OnWait(tenant, group, time.Since(start))
			}
			return nil
		}
		l.giveBack(ctx, b)
	}
	return &NotNow{Wait: overloadPause, Reason: ReasonLimit, Key: r.Key}
}

// recheck reports whether a booking is still valid. A freeze of the key or a restart of Redis
// during the sleep ends the booking. A delay beyond the margin also ends it, because the request
// would go at an instant that was never booked. The process may have been suspended, or Redis may
// have answered late. A limiter without a margin allows any delay.
func (l *Limiter) recheck(ctx context.Context, b Booking, asked time.Time) (bool, error) {
	if b.Wait > 0 {
		u, err := l.store.Usage(ctx, b.Key, nil)
		if err != nil {
			return false, err
		}
		if u.Frozen > 0 || u.Held > 0 {
			return false, nil
		}
	}
	// The booking was made some time after asked, so the request is at most this late.
	late := time.Since(asked) - b.Wait
	return l.margin == 0 || late <= l.margin, nil
}

// giveBack cancels a booking even if the context has ended. It ignores an error, because then the
// place stays unused, which is safe.
func (l *Limiter) giveBack(ctx context.Context, b Booking) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
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
