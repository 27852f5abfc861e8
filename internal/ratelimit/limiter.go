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

// Defaults of [Options].
const (
	DefaultMargin   = 300 * time.Millisecond
	defaultMaxSleep = 2 * time.Second
)

// Options of a [Limiter]. Only Defaults is required.
type Options struct {
	// Defaults are the limits of tenants without their own. The table must have the group "other",
	// whose limits apply to every group that the table does not name. Required.
	Defaults map[string]Limits
	// Tenants has the limits of single tenants, by tenant and group. Groups that a tenant does not
	// name come from Defaults.
	Tenants map[string]map[string]Limits
	// Margin is how much later than booked a request may reach KSeF: the delay of the network and
	// of this process. Zero means 300 ms, negative none. 300 ms costs a fully used window of
	// one second 23 % of its rate, and a window of an hour 0.01 %.
	Margin time.Duration
	// MaxSleep is the longest time that Wait sleeps. Zero means 2 s, negative never sleeps.
	MaxSleep time.Duration
	// Observer receives waits and freezes; nil for none.
	Observer Observer
}

// Observer is told what the limiter does, for metrics. Its methods are called from many goroutines
// and must not block.
type Observer interface {
	// OnWait reports that a request may go, d after it asked.
	OnWait(tenant, group string, d time.Duration)
	// OnFreeze reports that this process froze a group for d.
	OnFreeze(tenant, group string, d time.Duration)
}

// Limiter lets requests go when their limits allow. Safe for concurrent use.
type Limiter struct {
	store    Store
	defaults map[string]Limits
	margin   time.Duration
	maxSleep time.Duration
	observer Observer

	mu      sync.RWMutex
	tenants map[string]map[string]Limits
}

// New returns a limiter over a store, or an error with every fault of its tables.
func New(store Store, o Options) (*Limiter, error) {
	l := &Limiter{
		store:    store,
		defaults: o.Defaults,
		tenants:  maps.Clone(o.Tenants),
		margin:   max(o.Margin, 0),
		maxSleep: o.MaxSleep,
		observer: o.Observer,
	}
	if o.Margin == 0 {
		l.margin = DefaultMargin
	}
	if o.MaxSleep == 0 {
		l.maxSleep = defaultMaxSleep
	}
	if err := l.validate(); err != nil {
		return nil, fmt.Errorf("make a limiter: %w", err)
	}
	return l, nil
}

func (l *Limiter) validate() error {
	var faults []error
	if l.margin > maxPer {
		faults = append(faults, fmt.Errorf("margin %s: must be at most %s", l.margin, maxPer))
	}
	check := func(table map[string]Limits, of string) {
		for _, group := range slices.Sorted(maps.Keys(table)) {
			if err := table[group].Validate(); err != nil {
				faults = append(faults, fmt.Errorf("%s, group %s: %w", of, group, err))
			}
		}
	}
	check(l.defaults, "defaults")
	if _, ok := l.defaults[GroupOther]; !ok {
		faults = append(faults, fmt.Errorf("defaults: group %s is missing; it is for groups without limits of their own", GroupOther))
	}
	for _, tenant := range slices.Sorted(maps.Keys(l.tenants)) {
		check(l.tenants[tenant], "tenant "+tenant)
	}
	return errors.Join(faults...)
}

// Limits returns the limits of a tenant's group. Limits looks for three names: the group, its
// family ("other" for "other:publicKey"), and "other". It looks for each name first in the tenant's
// own table and then in the defaults. The slice must not be changed.
func (l *Limiter) Limits(tenant, group string) Limits {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, name := range []string{group, family(group), GroupOther} {
		for _, table := range []map[string]Limits{l.tenants[tenant], l.defaults} {
			if limits, ok := table[name]; ok {
				return limits
			}
		}
	}
	return nil // unreachable: validate requires GroupOther
}

// SetTenant replaces the limits of one tenant. table has the new limits by group. Requests that are
// booked already keep their instants. If the table has faults, SetTenant changes nothing and
// returns an error with all of them.
func (l *Limiter) SetTenant(tenant string, table map[string]Limits) error {
	var faults []error
	for _, group := range slices.Sorted(maps.Keys(table)) {
		if err := table[group].Validate(); err != nil {
			faults = append(faults, fmt.Errorf("tenant %s, group %s: %w", tenant, group, err))
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("set limits: %w", errors.Join(faults...))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tenants == nil {
		l.tenants = map[string]map[string]Limits{}
	}
	l.tenants[tenant] = maps.Clone(table)
	return nil
}

// Groups returns the group names of the default table, sorted. Metrics show these groups for each
// tenant.
func (l *Limiter) Groups() []string { return slices.Sorted(maps.Keys(l.defaults)) }

// Peek returns how long a request would have to wait if it came now, zero when it could go at once.
// It books nothing. It helps to choose between an online and a batch session.
func (l *Limiter) Peek(ctx context.Context, tenant, group string, opts ...Option) (time.Duration, error) {
	r := l.request(ctx, tenant, group, opts)
	r.MaxWait, r.Ticket = AskOnly, ""
	_, err := l.store.Book(ctx, r)
	if notNow, ok := errors.AsType[*NotNow](err); ok {
		return notNow.Wait, nil
	}
	return 0, fmt.Errorf("peek at the limits: %w", err)
}

// Freeze stops a tenant's group for all workers for the full d. See [Store.Freeze].
func (l *Limiter) Freeze(ctx context.Context, tenant, group string, d time.Duration, why Cause) error {
	if err := l.store.Freeze(ctx, Key{tenant, group}, d, why); err != nil {
		return err
	}
	if l.observer != nil {
		l.observer.OnFreeze(tenant, group, d)
	}
	return nil
}

// Throttled handles a 429. It freezes the tenant's group for all workers, for the full retryAfter.
// If retryAfter is not above zero, the freeze grows with each 429. Throttled returns how long the
// group is frozen and how many 429s there were in a row. After a freeze requests resume gently,
// first one, then twice as many at each step. See [Store.Throttle]. If the store is a
// [PendingFreezes], an error together with a duration means that only this process knows of the
// freeze so far.
func (l *Limiter) Throttled(ctx context.Context, tenant, group string, retryAfter time.Duration) (time.Duration, int, error) {
	d, strikes429, err := l.store.Throttle(ctx, Key{tenant, group}, retryAfter)
	if d > 0 && l.observer != nil { // with an error, this process alone keeps the freeze
		l.observer.OnFreeze(tenant, group, d)
	}
	return d, strikes429, err
}

// Usage returns how much of its limits a tenant's group has used, for metrics and readiness.
func (l *Limiter) Usage(ctx context.Context, tenant, group string) (Usage, error) {
	return l.store.Usage(ctx, Key{tenant, group}, l.Limits(tenant, group))
}

// Unused returns the usage of a tenant's group that has booked nothing.
func (l *Limiter) Unused(k Key) (u Usage) {
	for _, w := range l.Limits(k.Tenant, k.Group) {
		u.Windows = append(u.Windows, w.usage(0, 0))
	}
	return u
}
