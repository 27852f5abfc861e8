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
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// outOfService is what the limits say while the host's circuit is open.
type outOfService struct{ noLimits }

func (outOfService) Join(context.Context, string, string) error {
	return &ratelimit.NotNow{Wait: 5 * time.Minute, Reason: ratelimit.ReasonOutage, Host: "gateway"}
}
func (outOfService) Down(context.Context, string, ...string) (bool, error) { return true, nil }

// A few that were chosen for the express lane wait there for the gateway. Going back to the waiting
// set, to be chosen again two seconds later, they would write into the ledger for days.
func TestOutage_ChosenForExpress_WaitsWithoutGoingInCircles(t *testing.T) {
	s := newStage(t, simulator.Options{})
	inv := s.admit(ledger.Auto, s.good("A/1"))
	well := s.worker("well", s.client(), func(o *tasks.Options) { o.ExpressBelow, o.Quiet = 5, time.Millisecond })
	well.must(queue.KindSubmit, inv.ID)
	s.advance(time.Second)
	well.must(queue.KindCut, inv.WaitingGroup().Name())
	chosen := s.read(inv.ID)
	if !chosen.Chosen || chosen.Lane != ledger.Express || chosen.Group != "" {
		t.Fatalf("it is not chosen: %+v", chosen)
	}
	s.budget = outOfService{}
	w := s.worker("w", s.client())
	for range 3 {
		if err := w.run(queue.KindSend, inv.ID); err == nil {
			t.Fatal("a send through a closed door")
		}
	}
	if got := s.read(inv.ID); got.Rev != chosen.Rev {
		t.Errorf("it moved from revision %d to %d", chosen.Rev, got.Rev)
	}
}

// sendsOutOfService is what the limits say while a tenant's single sends alone are out of service.
type sendsOutOfService struct{ noLimits }

func (sendsOutOfService) Peek(_ context.Context, _, group string) (time.Duration, error) {
	if group == ratelimit.GroupInvoiceSend {
		return 5 * time.Minute, nil
	}
	return 0, nil
}

func (sendsOutOfService) Join(_ context.Context, tenant, group string) error {
	if group == ratelimit.GroupInvoiceSend {
		return &ratelimit.NotNow{Wait: 5 * time.Minute, Reason: ratelimit.ReasonOutage, Host: "gateway",
			Key: ratelimit.Key{Tenant: tenant, Group: group}}
	}
	return nil
}

func (sendsOutOfService) Down(_ context.Context, _ string, groups ...string) (bool, error) {
	return slices.Contains(groups, ratelimit.GroupInvoiceSend), nil
}

// Single sends are out of service and packages are not. What the pool itself chose to send singly
// goes in a package, and is not chosen again.
func TestOutage_SendsAloneAreDown_TheChosenGoInAPackage(t *testing.T) {
	s := newStage(t, simulator.Options{})
	inv := s.admit(ledger.Auto, s.good("A/1"))
	few := func(o *tasks.Options) { o.ExpressBelow, o.Quiet, o.MaxWait = 5, time.Millisecond, time.Second }
	well := s.worker("well", s.client(), few)
	well.must(queue.KindSubmit, inv.ID)
	s.advance(time.Second)
	well.must(queue.KindCut, inv.WaitingGroup().Name())
	if chosen := s.read(inv.ID); !chosen.Chosen || chosen.Lane != ledger.Express {
		t.Fatalf("it is not chosen: %+v", chosen)
	}
	s.budget = sendsOutOfService{}
	w := s.worker("w", s.client(), few)
	w.must(queue.KindSend, inv.ID)
	s.advance(2 * time.Second)
	w.must(queue.KindCut, inv.WaitingGroup().Name())
	got := s.read(inv.ID)
	if got.State != ledger.Packed {
		t.Fatalf("it is %s in group %q, want it in a package", got.State, got.Group)
	}
	w.must(queue.KindPackage, got.Package)
}

// An answer that was lost while what was asked for is out of service is nobody's fault and consumes
// no attempt; of what is not out of service it does.
func TestOutage_LostAnswer_IsJudgedByItsOwnGroup(t *testing.T) {
	s := newStage(t, simulator.Options{})
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	w := s.worker("w", s.client())
	pkg := w.cut(inv.ID)
	for _, c := range []struct {
		down string
		want retry.Action
	}{{"", retry.LookFirst}, {ratelimit.GroupInvoiceSend, retry.LookFirst}, {ratelimit.GroupBatchSession, retry.Later}} {
		if err := s.sim.Inject(simulator.Fault{Kind: simulator.Status, On: "openBatch", Code: 503}); err != nil {
			t.Fatal(err)
		}
		s.budget = groupDown{group: c.down}
		err := s.worker("w2", s.client()).run(queue.KindPackage, pkg)
		if got := retry.Judge(err).Action; got != c.want {
			t.Errorf("with %q out of service the verdict is %s (%v), want %s", c.down, got, err, c.want)
		}
		if c.want == retry.Later && (retry.Judge(err).Reason != retry.ReasonOutage ||
			!strings.Contains(err.Error(), "batchSession of tenant "+s.nip())) {
			t.Errorf("%v does not say what is out of service", err)
		}
	}
}

type groupDown struct {
	noLimits
	group string
}

func (g groupDown) Down(_ context.Context, _ string, groups ...string) (bool, error) {
	return g.group != "" && slices.Contains(groups, g.group), nil
}

// What is held back while the gateway is away is one package for each tenant, as its probe.
// One that was refused and rests for an hour is no probe.
func TestOutage_RefusedPackageRests_AnotherIsTheProbe(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionRefused, Lane: "batch", Code: 500, Times: -1}}})
	w := s.worker("w", s.client())
	lone := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(lone.ID)
	for range 3 {
		pkg = w.refuse(lone.ID, pkg) // rests from now on
	}
	s.budget = outOfService{}
	w = s.worker("away", s.client())
	next := s.admit(ledger.Bulk, s.good("A/2"))
	if probe := w.cut(next.ID); probe == pkg {
		t.Fatal("it is in the package that rests")
	}
	third := s.admit(ledger.Bulk, s.good("A/3"))
	w.must(queue.KindSubmit, third.ID)
	s.advance(time.Second)
	w.must(queue.KindCut, third.WaitingGroup().Name())
	if got := s.read(third.ID); got.State != ledger.Queued || got.Group == "" {
		t.Errorf("the third is %s, not held back", got.State)
	}
}

// One machine of several does not know the session, now and again, in hours of processing. Each
// time is the first.
func TestLost_NowAndAgainInALongNight_IsNotTakenForLost(t *testing.T) {
	s := newStage(t, simulator.Options{Delay: 24 * time.Hour})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(inv.ID)
	w.must(queue.KindPackage, pkg)
	for i := range 4 {
		if err := s.sim.Inject(simulator.Fault{Kind: simulator.Refused, On: "sessionStatus", Code: 404}); err != nil {
			t.Fatal(err)
		}
		_ = w.run(queue.KindConfirm, pkg)
		if s.pkg(pkg).Lost == 0 {
			t.Fatalf("look %d was answered: this test proves nothing", i)
		}
		s.advance(time.Minute)
		_ = w.run(queue.KindConfirm, pkg) // 150
		if s.pkg(pkg).Lost != 0 {
			t.Errorf("look %d: lost since %v, though the gateway knows it", i, s.pkg(pkg).Lost.Time())
		}
		s.advance(3 * time.Hour)
	}
	if got := s.read(inv.ID); got.State != ledger.Sent && got.State != ledger.Packed {
		t.Errorf("it is %s: %s", got.State, got.Reason)
	}
}
