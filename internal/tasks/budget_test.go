package tasks_test

import (
	"context"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/tasks"
)

// limiterBudget is a budget over a real limiter, in which the requests of a client are booked. It
// goes by the stage's clock, and nothing sleeps in it.
type limiterBudget struct {
	*ratelimit.Limiter
	store *ratelimit.Memory
}

// perSecondMinuteHour returns three windows as KSeF's table has them (KSeF limits, September 2026).
func perSecondMinuteHour(second, minute, hour int) ratelimit.Limits {
	return ratelimit.Limits{{Limit: second, Per: time.Second}, {Limit: minute, Per: time.Minute}, {Limit: hour, Per: time.Hour}}
}

// limit gives the workers that are made from now on a budget over the limits in table. nil stands
// for KSeF's limits.
func (cl *clients) limit(table map[string]ratelimit.Limits) limiterBudget {
	cl.t.Helper()
	if table == nil {
		table = map[string]ratelimit.Limits{
			ratelimit.GroupOther:              perSecondMinuteHour(10, 30, 120),
			ratelimit.GroupBatchSession:       perSecondMinuteHour(10, 20, 60),
			ratelimit.GroupBatchSessionClose:  perSecondMinuteHour(20, 40, 120),
			ratelimit.GroupSessionMisc:        perSecondMinuteHour(10, 120, 1200),
			ratelimit.GroupSessionInvoiceList: perSecondMinuteHour(10, 20, 200),
		}
	}
	store := ratelimit.NewMemory(cl.now)
	l, err := ratelimit.New(store, ratelimit.Options{Defaults: table, MaxSleep: -1})
	if err != nil {
		cl.t.Fatal(err)
	}
	b := limiterBudget{l, store}
	cl.budget = b
	return b
}

func (c limiterBudget) Peek(ctx context.Context, tenant, group string) (time.Duration, error) {
	return c.Limiter.Peek(ctx, tenant, group)
}

func (c limiterBudget) Join(ctx context.Context, tenant, group string) error {
	return c.Limiter.Join(ctx, tenant, group)
}

func (c limiterBudget) Pause(context.Context, string, time.Duration) error { return nil }

func (c limiterBudget) Down(context.Context, string, ...string) (bool, error) { return false, nil }

// use books n requests of a group now.
func (c limiterBudget) use(t *testing.T, tenant, group string, n int) {
	t.Helper()
	for range n {
		if _, err := c.store.Book(t.Context(), ratelimit.Request{
			Key: ratelimit.Key{Tenant: tenant, Group: group}, Limits: c.Limits(tenant, group),
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// limitedClient returns a client whose requests are booked in the limiter.
func (cl *clients) limitedClient(l limiterBudget) *testClient {
	cl.t.Helper()
	return cl.connect("test_id", bookingGate{l, cl.nip()})
}

// bookingGate books the requests of a client for a tenant.
type bookingGate struct {
	limiterBudget
	tenant string
}

func (b bookingGate) Enter(ctx context.Context, group ksef.Group) error {
	if group == ksef.GroupNone {
		return nil
	}
	return b.Wait(ctx, b.tenant, string(group))
}

func (b bookingGate) Leave(context.Context, ksef.Group, ksef.Outcome) {}

// hourLimits returns limits of an hour for these groups; the others have 100,000 requests an hour.
func hourLimits(of map[string]int) map[string]ratelimit.Limits {
	table := map[string]ratelimit.Limits{ratelimit.GroupOther: {{Limit: 100_000, Per: time.Hour}}}
	for group, n := range of {
		table[group] = ratelimit.Limits{{Limit: n, Per: time.Hour}}
	}
	return table
}

// asConfigured sets the options that decide what is sent when, as the example configuration has
// them.
func asConfigured(o *tasks.Options) {
	o.ExpressBelow, o.Quiet, o.MaxWait, o.DeadlineNear, o.ExpressShare = 5, 2*time.Second, 2*time.Minute, 4*time.Hour, 0.2
}

// packages returns all batch packages in some states.
func (en *entries) packages(states ...ledger.PackageState) []ledger.Package {
	en.t.Helper()
	var out []ledger.Package
	for _, state := range states {
		ids, err := en.ledger.PackagesInState(en.t.Context(), state, time.Time{}, time.Time{}, 0)
		if err != nil {
			en.t.Fatal(err)
		}
		for _, id := range ids {
			if p := en.pkg(id); p.Lane == ledger.Bulk {
				out = append(out, p)
			}
		}
	}
	return out
}
