package tasks

import (
	"context"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
)

// places returns how many requests can go at once under a limit of 30 a minute. The function mark
// sets the urgency of each request.
func places(t *testing.T, mark func(context.Context) context.Context) int {
	t.Helper()
	now := warsaw(t, "2026-11-23 12:00:00 +01:00")
	l, err := ratelimit.New(ratelimit.NewMemory(func() time.Time { return now }), ratelimit.Options{
		Defaults: map[string]ratelimit.Limits{ratelimit.GroupOther: {{Limit: 30, Per: time.Minute}}}, MaxSleep: -1})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for l.Wait(mark(t.Context()), "5265877635", "x") == nil {
		n++
	}
	return n
}

func TestUrgency_ExpressOrNearDeadline_HasAllPlacesAndOthersLeaveSome(t *testing.T) {
	now := warsaw(t, "2026-11-23 12:00:00 +01:00")
	w := NewWorker(Parts{}, Options{Now: func() time.Time { return now }, DeadlineNear: 2 * time.Hour, ExpressShare: 0.2})
	far, near := ledger.At(now.Add(36*time.Hour)), ledger.At(now.Add(time.Hour))
	for _, c := range []struct {
		why  string
		inv  ledger.Invoice
		want int
	}{
		{"submitted as express", ledger.Invoice{Lane: ledger.Express, Deadline: far}, 30},
		{"chosen by the pool: leaves a fifth and one more place", ledger.Invoice{Lane: ledger.Express, Chosen: true, Deadline: far}, 23},
		{"chosen, but its deadline is near", ledger.Invoice{Lane: ledger.Express, Chosen: true, Deadline: near}, 30},
		{"sent again because KSeF asked for it", ledger.Invoice{Lane: ledger.Express, Resends: 1, Deadline: far}, 23},
		{"sent again after its session failed", ledger.Invoice{Lane: ledger.Express, FailedSessions: 1, Deadline: far}, 23},
	} {
		if got := places(t, func(ctx context.Context) context.Context { return w.urgency(ctx, &c.inv) }); got != c.want {
			t.Errorf("%s: the requests get %d of 30 places, want %d", c.why, got, c.want)
		}
	}
	for _, c := range []struct {
		why  string
		p    ledger.Package
		want int
	}{
		{"an ordinary package", ledger.Package{Lane: ledger.Bulk, Deadline: far}, 29},
		{"a package whose deadline is near", ledger.Package{Lane: ledger.Bulk, Deadline: near}, 30},
		{"an express session that was just closed", ledger.Package{Lane: ledger.Express, ClosingAt: ledger.At(now.Add(-time.Second))}, 30},
		{"an express session that was closed long ago",
			ledger.Package{Lane: ledger.Express, ClosingAt: ledger.At(now.Add(-time.Hour))}, 29},
	} {
		if got := places(t, func(ctx context.Context) context.Context { return w.rank(ctx, &c.p) }); got != c.want {
			t.Errorf("%s: the requests get %d of 30 places, want %d", c.why, got, c.want)
		}
	}
	now = warsaw(t, "2026-11-23 23:57:00 +01:00")
	ordinary := func(ctx context.Context) context.Context {
		return w.rank(ctx, &ledger.Package{Lane: ledger.Bulk, Deadline: far})
	}
	if got := places(t, ordinary); got != 30 {
		t.Errorf("shortly before midnight: %d places of 30, want all", got)
	}
}

func TestBuilds_TwentyOfOneTenant_LeaveAPlaceForAnother(t *testing.T) {
	b := newBuilds()
	begun := 0
	for range 20 {
		if b.begin("flood") {
			begun++
		}
	}
	if begun != tenantBuilds || !b.begin("small") {
		t.Fatalf("tenant flood has %d builds, want %d and a place for another tenant", begun, tenantBuilds)
	}
	if b.begin("third") {
		t.Error("the worker builds more packages at a time than it may")
	}
	b.end("small")
	if b.begin("flood") || !b.begin("third") {
		t.Errorf("after tenant small gave its place back, the builds by tenant are %v, want %d of flood and one of third",
			b.tenants, tenantBuilds)
	}
	for range begun {
		b.end("flood")
	}
	if !b.begin("flood") {
		t.Error("tenant flood gave its places back and gets none again")
	}
}
