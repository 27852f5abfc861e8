package tasks_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// groupsDown is a budget under which some groups are out of service. The next probe of each of them
// is in five minutes. The field session is how long the next batch session has to wait.
type groupsDown struct {
	noLimits
	groups  []string
	session time.Duration
}

func (g groupsDown) Peek(_ context.Context, _, group string) (time.Duration, error) {
	if slices.Contains(g.groups, group) {
		return 5 * time.Minute, nil
	}
	if group == ratelimit.GroupBatchSession {
		return g.session, nil
	}
	return 0, nil
}

func (g groupsDown) Join(_ context.Context, tenant, group string) error {
	if slices.Contains(g.groups, group) {
		return downFor(tenant, group)
	}
	return nil
}

// downFor returns the error of a budget while a group of a tenant is out of service.
func downFor(tenant, group string) error {
	return &ratelimit.NotNow{
		Wait: 5 * time.Minute, Reason: ratelimit.ReasonOutage, Host: "gateway", Key: ratelimit.Key{Tenant: tenant, Group: group},
	}
}

func (g groupsDown) Down(_ context.Context, _ string, groups ...string) (bool, error) {
	return slices.ContainsFunc(groups, func(group string) bool { return slices.Contains(g.groups, group) }), nil
}

// partsDown is a part store that is out of service.
type partsDown struct{ tasks.PartStore }

func (partsDown) Ready(context.Context, string) error {
	return &ratelimit.NotNow{Wait: time.Minute, Reason: ratelimit.ReasonStore, Host: "store"}
}

// An express invoice stays in its lane unless a package would reach KSeF sooner. While single sends
// are out of service, nobody knows when the invoice's turn comes. So the invoice goes by bulk when
// its deadline is near or missed, provided that packages are in service and a batch session is free
// by the next probe of single sends.
func TestLanes_SingleSendsOutOfServiceAndDeadlineNear_ExpressGoesByBulkIfAPackageIsSooner(t *testing.T) {
	const due = 30 * time.Minute
	for _, c := range []struct {
		why     string
		down    []string
		session time.Duration
		noParts bool
		stays   bool
	}{
		{why: "only single sends are out of service", down: []string{ratelimit.GroupInvoiceSend}},
		{why: "only the express lane is out of service", down: []string{ratelimit.GroupOnlineSession, ratelimit.GroupInvoiceSend}},
		{why: "batch sessions are out of service too", stays: true,
			down: []string{ratelimit.GroupInvoiceSend, ratelimit.GroupBatchSession}},
		{why: "the part store is out of service too", down: []string{ratelimit.GroupInvoiceSend}, noParts: true, stays: true},
		{why: "no batch session is left in the hour", down: []string{ratelimit.GroupInvoiceSend}, session: 40 * time.Minute, stays: true},
	} {
		t.Run(strings.ReplaceAll(c.why, " ", "_"), func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			s.budget = groupsDown{groups: c.down, session: c.session}
			w := s.workerWith("w", s.client(), func(p *tasks.Parts) {
				if c.noParts {
					p.PartStore = partsDown{}
				}
			}, asConfigured)
			inv := s.admit(ledger.Express, s.good("A/1"))
			began := s.now()
			if err := s.setDeadline(inv.ID, began.Add(due)); err != nil {
				t.Fatal(err)
			}
			w.must(queue.KindSubmit, inv.ID)
			for s.now().Sub(began) < due-10*time.Minute {
				w.step(&inv)
				s.advance(time.Minute)
			}
			if got := s.read(inv.ID); got.Lane != ledger.Express || got.Group != "" {
				t.Fatalf("ten minutes before its deadline the invoice is in lane %s and set %q, want express and no set: %q",
					got.Lane, got.Group, got.Reason)
			}
			for s.now().Sub(began) < due-time.Minute {
				w.step(&inv)
				s.advance(time.Minute)
			}
			if c.stays {
				for range 20 { // until after the deadline
					w.step(&inv)
					s.advance(time.Minute)
				}
			}
			got := s.read(inv.ID)
			if stays := got.State == ledger.Queued && got.Lane == ledger.Express && got.Group == ""; stays != c.stays {
				t.Fatalf("the invoice is %s in lane %s, group %q: %q; want it still queued for express: %v",
					got.State, got.Lane, got.Group, got.Reason, c.stays)
			}
			if c.stays {
				return
			}
			if got.State != ledger.Sent || !strings.Contains(got.Reason, "goes by bulk: single sends are out of service") {
				t.Errorf("a minute before its deadline the invoice is %s, want sent by bulk because single sends are out of service: %q",
					got.State, got.Reason)
			}
			if !s.log.says("goes by bulk") {
				t.Error("the log does not say that the invoice goes by bulk")
			}
		})
	}
}

// A package has no advantage for an invoice without a deadline, or long before its deadline.
func TestLanes_SingleSendsOutOfServiceAndDeadlineFar_ExpressWaits(t *testing.T) {
	s := newStage(t, simulator.Options{})
	s.budget = groupsDown{groups: []string{ratelimit.GroupInvoiceSend}}
	w := s.worker("w", s.client(), asConfigured)
	inv := s.admit(ledger.Express, s.good("A/1"))
	w.must(queue.KindSubmit, inv.ID)
	for _, due := range []time.Time{{}, s.now().Add(time.Hour)} {
		if err := s.setDeadline(inv.ID, due); err != nil {
			t.Fatal(err)
		}
		_ = w.run(queue.KindSend, inv.ID)
		if got := s.read(inv.ID); got.Lane != ledger.Express || got.Group != "" {
			t.Errorf("due at %v, the invoice is in lane %s and set %q, want express and no set: %q", due, got.Lane, got.Group, got.Reason)
		}
	}
}
