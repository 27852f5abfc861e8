package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// PendingFreezes is a [Store] over another store. It keeps the freezes that the other store could
// not take. KSeF sends a 429 once. If the 429 were lost because Redis was away at that moment, the
// whole pool would go on as soon as Redis is back. KSeF treats that as abuse.
//
// A pending freeze holds in this process at once. Nothing of its key is booked before the store has
// taken the freeze. Every Book, Usage, Freeze and Throttle of the key first tries to write the
// freeze to the store. Once the freeze is written, the other processes know of it.
// [PendingFreezes.Flush] is for a caller that does not want to wait for the next request.
//
// A freeze may be written twice, with the same effect as once. A process that dies loses its
// pending freezes. Then only KSeF's next 429 stops the pool.
//
// Safe for concurrent use.
type PendingFreezes struct {
	Store
	mu      sync.Mutex
	pending map[Key]pendingFreeze
}

var _ Store = (*PendingFreezes)(nil)

// pendingFreeze is a freeze that the store has not taken yet.
type pendingFreeze struct {
	until    time.Time // on this process's monotonic clock; a freeze that is over need not be written
	named    bool      // KSeF named the time; otherwise the store decides
	after429 bool      // a 429 caused this freeze, or one that it replaced
	why      Cause     // of the freeze that ends last
}

// NewPendingFreezes returns a store over s that keeps the freezes which s could not take.
func NewPendingFreezes(s Store) *PendingFreezes {
	return &PendingFreezes{Store: s, pending: map[Key]pendingFreeze{}}
}

// Freeze implements [Store]. An error of the store means that the freeze is kept here until the
// store takes it.
func (p *PendingFreezes) Freeze(ctx context.Context, k Key, d time.Duration, why Cause) error {
	if err := k.validate(); err != nil {
		return fmt.Errorf("freeze a group: %w", err)
	}
	if d <= 0 {
		return nil
	}
	p.add(k, pendingFreeze{until: time.Now().Add(d), named: true, why: why})
	_, _, err := p.flush(ctx, k)
	return err
}

// Throttle implements [Store]. If the store returns an error, the freeze is kept here until the
// store takes it. Throttle then returns the error with the length of that freeze, and 0 for the
// number of 429s, which is not known.
func (p *PendingFreezes) Throttle(ctx context.Context, k Key, d time.Duration) (time.Duration, int, error) {
	if err := k.validate(); err != nil {
		return 0, 0, fmt.Errorf("throttle a group: %w", err)
	}
	rest := freezeTime(d)
	if d <= 0 {
		rest = firstRest
	}
	p.add(k, pendingFreeze{until: time.Now().Add(rest), named: d > 0, after429: true, why: CauseThrottled})
	frozen, strikes429, err := p.flush(ctx, k)
	if err != nil || strikes429 == 0 { // 0: another goroutine has just flushed it
		frozen = rest
	}
	return frozen, strikes429, err
}

// add records a pending freeze. It is called before the store, because the store may take long to
// fail.
func (p *PendingFreezes) add(k Key, f pendingFreeze) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, ok := p.pending[k]
	if ok && before.until.After(f.until) { // as in a store, the freeze that ends later counts
		f.until, f.named, f.why = before.until, before.named, before.why
	}
	f.after429 = f.after429 || before.after429
	p.pending[k] = f
}

// Book implements [Store].
func (p *PendingFreezes) Book(ctx context.Context, r Request) (Booking, error) {
	if _, _, err := p.flush(ctx, r.Key); err != nil {
		return Booking{}, err
	}
	return p.Store.Book(ctx, r)
}

// Usage implements [Store].
func (p *PendingFreezes) Usage(ctx context.Context, k Key, limits Limits) (Usage, error) {
	if _, _, err := p.flush(ctx, k); err != nil {
		return Usage{}, err
	}
	return p.Store.Usage(ctx, k, limits)
}

// Flush writes every pending freeze to the store and returns all errors joined. When nothing is
// pending, as nearly always, it makes no call.
func (p *PendingFreezes) Flush(ctx context.Context) error {
	p.mu.Lock()
	keys := slices.Collect(maps.Keys(p.pending))
	p.mu.Unlock()
	var errs []error
	for _, k := range keys {
		_, _, err := p.flush(ctx, k)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// flush writes the pending freeze of one key, if there is one, and returns the store's answer.
func (p *PendingFreezes) flush(ctx context.Context, k Key) (rest time.Duration, strikes429 int, err error) {
	p.mu.Lock()
	f, ok := p.pending[k]
	p.mu.Unlock()
	if !ok {
		return 0, 0, nil
	}
	if left := time.Until(f.until); left > 0 {
		if rest, strikes429, err = p.write(ctx, k, f, left); err != nil {
			return 0, 0, fmt.Errorf("freeze is pending in this process until the store takes it: %w", err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending[k] == f { // it was not extended meanwhile
		delete(p.pending, k)
	}
	return rest, strikes429, nil
}

func (p *PendingFreezes) write(ctx context.Context, k Key, f pendingFreeze, left time.Duration) (time.Duration, int, error) {
	switch {
	case !f.after429:
		return left, 0, p.Store.Freeze(ctx, k, left, f.why)
	case !f.named:
		left = 0 // the store knows the earlier 429s and decides how long
	}
	rest, strikes429, err := p.Store.Throttle(ctx, k, left)
	if err == nil && f.why != CauseThrottled { // another cause than the 429 freezes the key for longer
		err = p.Store.Freeze(ctx, k, left+tick, f.why)
	}
	return rest, strikes429, err
}
