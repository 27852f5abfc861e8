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

// limiterBudget is a budget over a real limiter. The requests of clients are booked in this
// limiter, which goes by the stage's clock and never sleeps.
type limiterBudget struct {
	*ratelimit.Limiter
	store *ratelimit.Memory
}

// perSecondMinuteHour returns three windows as KSeF's table has them (KSeF limits, September 2026).
func perSecondMinuteHour(second, minute, hour int) ratelimit.Limits {
	return ratelimit.Limits{{Limit: second, Per: time.Second}, {Limit: minute, Per: time.Minute}, {Limit: hour, Per: time.Hour}}
}

// limit makes a budget with the limits in table, or with KSeF's limits if table is nil. Every
// worker that is made after that gets this budget.
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

// limitedClient returns a client whose requests are booked in the limiter of l.
func (cl *clients) limitedClient(l limiterBudget) *testClient {
	cl.t.Helper()
	return cl.connect("test_id", bookingGate{l, cl.nip()})
}

// bookingGate books the requests of a client as requests of one tenant.
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

// hourLimits returns a limit per hour for each of these groups. Any other group may make 100,000
// requests an hour.
func hourLimits(of map[string]int) map[string]ratelimit.Limits {
	table := map[string]ratelimit.Limits{ratelimit.GroupOther: {{Limit: 100_000, Per: time.Hour}}}
	for group, n := range of {
		table[group] = ratelimit.Limits{{Limit: n, Per: time.Hour}}
	}
	return table
}

// asConfigured gives some options the values of the example configuration: those that decide what
// is sent and when.
func asConfigured(o *tasks.Options) {
	o.ExpressBelow, o.Quiet, o.MaxWait, o.DeadlineNear, o.ExpressShare = 5, 2*time.Second, 2*time.Minute, 4*time.Hour, 0.2
}

// packages returns all batch packages in the given states.
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
