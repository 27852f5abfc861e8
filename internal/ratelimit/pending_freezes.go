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

// PendingFreezes is a [Store] over another one that keeps the freezes which that one could not be told of. A 429 comes once: were it forgotten because Redis was away just then, the whole pool would
// go on as soon as Redis is back, and KSeF takes that for abuse.
//
// What is owed holds in this process at once: nothing of that key is booked before it is paid, and payment is the first thing tried. The others learn of it then; [PendingFreezes.Pay] is for
// a caller who does not want to leave that to the next request. Writing a freeze twice is the same as once, so it does not matter whether the first try had been carried out.
// A process that dies with a debt takes it along; KSeF's next 429 is the guard that remains.
//
// Safe for concurrent use.
type PendingFreezes struct {
	Store
	mu   sync.Mutex
	owed map[Key]debt
}

var _ Store = (*PendingFreezes)(nil)

// debt is a freeze that the store was not told of.
type debt struct {
	until  time.Time // on this process's clock, monotonic: a freeze that has passed by itself need not be told
	named  bool      // the other side said how long; else the store says
	strike bool      // it was a 429
}

// NewPendingFreezes returns s with a memory for what s could not take.
func NewPendingFreezes(s Store) *PendingFreezes {
	return &PendingFreezes{Store: s, owed: map[Key]debt{}}
}

// Freeze implements [Store]. An error of the store says that the freeze is kept here until the store takes it.
func (o *PendingFreezes) Freeze(ctx context.Context, k Key, d time.Duration) error {
	if err := k.validate(); err != nil {
		return fmt.Errorf("freeze a group: %w", err)
	}
	if d <= 0 {
		return nil
	}
	o.owe(k, debt{until: time.Now().Add(d), named: true})
	_, _, err := o.pay(ctx, k)
	return err
}

// Throttle implements [Store]. With an error of the store the freeze is kept here, for the time that is returned, until the store takes it; how many strikes there were is not known.
func (o *PendingFreezes) Throttle(ctx context.Context, k Key, d time.Duration) (time.Duration, int, error) {
	if err := k.validate(); err != nil {
		return 0, 0, fmt.Errorf("throttle a group: %w", err)
	}
	rest := freezeTime(d)
	if d <= 0 {
		rest = firstRest
	}
	o.owe(k, debt{until: time.Now().Add(rest), named: d > 0, strike: true})
	told, strikes, err := o.pay(ctx, k)
	if err != nil || strikes == 0 { // 0: somebody else has just paid
		told = rest
	}
	return told, strikes, err
}

// owe is called before the store is: it may take its time to say that it does not answer.
func (o *PendingFreezes) owe(k Key, d debt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before, ok := o.owed[k]
	if ok && before.until.After(d.until) { // as in a store: a freeze is extended, never shortened
		d.until, d.named = before.until, before.named
	}
	d.strike = d.strike || before.strike
	o.owed[k] = d
}

// Book implements [Store].
func (o *PendingFreezes) Book(ctx context.Context, r Request) (Booking, error) {
	if _, _, err := o.pay(ctx, r.Key); err != nil {
		return Booking{}, err
	}
	return o.Store.Book(ctx, r)
}

// Usage implements [Store].
func (o *PendingFreezes) Usage(ctx context.Context, k Key, limits Limits) (Usage, error) {
	if _, _, err := o.pay(ctx, k); err != nil {
		return Usage{}, err
	}
	return o.Store.Usage(ctx, k, limits)
}

// Pay tells the store everything that is owed. It costs nothing while nothing is, which is nearly always.
func (o *PendingFreezes) Pay(ctx context.Context) error {
	o.mu.Lock()
	keys := slices.Collect(maps.Keys(o.owed))
	o.mu.Unlock()
	var errs []error
	for _, k := range keys {
		_, _, err := o.pay(ctx, k)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// pay tells the store what is owed of one key, if anything, and returns what the store made of it.
func (o *PendingFreezes) pay(ctx context.Context, k Key) (rest time.Duration, strikes int, err error) {
	o.mu.Lock()
	d, ok := o.owed[k]
	o.mu.Unlock()
	if !ok {
		return 0, 0, nil
	}
	if left := time.Until(d.until); left > 0 {
		if rest, strikes, err = o.tell(ctx, k, d, left); err != nil {
			return 0, 0, fmt.Errorf("freeze is kept by this process until the pool can be told: %w", err)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.owed[k] == d { // it was not extended meanwhile
		delete(o.owed, k)
	}
	return rest, strikes, nil
}

func (o *PendingFreezes) tell(ctx context.Context, k Key, d debt, left time.Duration) (time.Duration, int, error) {
	switch {
	case !d.strike:
		return left, 0, o.Store.Freeze(ctx, k, left)
	case !d.named:
		left = 0 // by its strikes the store knows better how long
	}
	return o.Store.Throttle(ctx, k, left)
}
