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
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// outOfService is a budget while the host's circuit is open.
type outOfService struct{ noLimits }

func (outOfService) Join(context.Context, string, string) error {
	return &ratelimit.NotNow{Wait: 5 * time.Minute, Reason: ratelimit.ReasonOutage, Host: "gateway"}
}
func (outOfService) Down(context.Context, string, ...string) (bool, error) { return true, nil }

// An invoice that was chosen for the express lane waits there for the gateway. If it went back to
// its waiting set, to be chosen again two seconds later, workers would write into the ledger for
// days.
func TestOutage_ChosenForExpress_WaitsWithoutAMove(t *testing.T) {
	s := newStage(t, simulator.Options{})
	inv := s.admit(ledger.Auto, s.good("A/1"))
	well := s.worker("well", s.client(), func(o *tasks.Options) { o.ExpressBelow, o.Quiet = 5, time.Millisecond })
	well.must(queue.KindSubmit, inv.ID)
	s.advance(time.Second)
	well.must(queue.KindCut, inv.WaitingGroup().Name())
	chosen := s.read(inv.ID)
	if !chosen.Chosen || chosen.Lane != ledger.Express || chosen.Group != "" {
		t.Fatalf("the invoice was not chosen for express: %+v", chosen)
	}
	s.budget = outOfService{}
	w := s.worker("w", s.client())
	for range 3 {
		if err := w.run(queue.KindSend, inv.ID); err == nil {
			t.Fatal("an invoice was sent during the outage")
		}
	}
	if got := s.read(inv.ID); got.Rev != chosen.Rev {
		t.Errorf("the invoice moved from revision %d to %d, want no move", chosen.Rev, got.Rev)
	}
}

// Single sends are out of service and packages are not. An invoice that the pool chose for express
// goes in a package, and is not chosen again.
func TestOutage_OnlySingleSendsAreDown_ChosenInvoicesGoInAPackage(t *testing.T) {
	s := newStage(t, simulator.Options{})
	inv := s.admit(ledger.Auto, s.good("A/1"))
	few := func(o *tasks.Options) { o.ExpressBelow, o.Quiet, o.MaxWait = 5, time.Millisecond, time.Second }
	well := s.worker("well", s.client(), few)
	well.must(queue.KindSubmit, inv.ID)
	s.advance(time.Second)
	well.must(queue.KindCut, inv.WaitingGroup().Name())
	if chosen := s.read(inv.ID); !chosen.Chosen || chosen.Lane != ledger.Express {
		t.Fatalf("the invoice was not chosen for express: %+v", chosen)
	}
	s.budget = groupsDown{groups: []string{ratelimit.GroupInvoiceSend}}
	w := s.worker("w", s.client(), few)
	w.must(queue.KindSend, inv.ID)
	s.advance(2 * time.Second)
	w.must(queue.KindCut, inv.WaitingGroup().Name())
	got := s.read(inv.ID)
	if got.State != ledger.Packed {
		t.Fatalf("the invoice is %s in group %q, want it in a package", got.State, got.Group)
	}
	w.must(queue.KindPackage, got.Package)
}

// hostDown is a budget while the host of one tenant is down.
type hostDown struct {
	noLimits
	tenant string
}

func (h hostDown) Down(_ context.Context, tenant string, _ ...string) (bool, error) {
	return tenant == h.tenant, nil
}

// Tenants may reach KSeF over different hosts. While one host is down, a tenant of that host has
// one package as its probe, and the tenant's other invoices wait. A tenant of the other host sends
// as always.
func TestOutage_HostOfOneTenantIsDown_TheSetOfTheOtherTenantIsCut(t *testing.T) {
	s := newStage(t, simulator.Options{})
	away, well := s.nip(), sample.NIP(1)
	s.budget = hostDown{tenant: away}
	w := s.worker("w", s.client())
	for _, c := range []struct {
		nip  string
		want ledger.State
	}{{away, ledger.Queued}, {well, ledger.Packed}} {
		w.cut(s.admit(ledger.Bulk, s.goodOf(c.nip, "A/1")).ID) // the probe, if the tenant needs one
		second := s.admit(ledger.Bulk, s.goodOf(c.nip, "A/2"))
		w.must(queue.KindSubmit, second.ID)
		s.advance(time.Second)
		w.must(queue.KindCut, second.WaitingGroup().Name())
		if got := s.read(second.ID); got.State != c.want {
			t.Errorf("the second invoice of %s is %s, want %s", c.nip, got.State, c.want)
		}
	}
}

// An answer is lost while the group of its request is out of service. Such a lost answer is no
// failure of the task and consumes no attempt. An answer that is lost while the group is in service
// is a failure, even if another group is out of service.
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
			t.Errorf("the error does not say what is out of service: %v", err)
		}
	}
}

// groupDown is a budget while one group is out of service. If the group is "", none is.
type groupDown struct {
	noLimits
	group string
}

func (g groupDown) Down(_ context.Context, _ string, groups ...string) (bool, error) {
	return g.group != "" && slices.Contains(groups, g.group), nil
}

// While the gateway is away, each tenant has one package as its probe. A package that was refused
// and has to wait is not a probe.
func TestOutage_RefusedPackageWaits_AnotherIsTheProbe(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionRefused, Lane: "batch", Code: 500, Times: -1}}})
	w := s.worker("w", s.client())
	single := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(single.ID)
	for range 3 {
		pkg = w.refuse(single.ID, pkg) // after the third refusal it has to wait
	}
	s.budget = outOfService{}
	w = s.worker("away", s.client())
	next := s.admit(ledger.Bulk, s.good("A/2"))
	if probe := w.cut(next.ID); probe == pkg {
		t.Fatal("the second invoice is in the refused package that waits, want it in another package")
	}
	third := s.admit(ledger.Bulk, s.good("A/3"))
	w.must(queue.KindSubmit, third.ID)
	s.advance(time.Second)
	w.must(queue.KindCut, third.WaitingGroup().Name())
	if got := s.read(third.ID); got.State != ledger.Queued || got.Group == "" {
		t.Errorf("the third invoice is %s, want it to wait in its set", got.State)
	}
}

// Now and then, during hours of processing, one machine of the gateway does not know the session.
// Each time counts as the first time.
func TestConfirm_GatewayForgetsTheSessionNowAndThen_DoesNotCountAsLost(t *testing.T) {
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
			t.Fatalf("poll %d was answered, so this test proves nothing", i)
		}
		s.advance(time.Minute)
		_ = w.run(queue.KindConfirm, pkg) // the answer is 150
		if s.pkg(pkg).Lost != 0 {
			t.Errorf("poll %d: the session counts as lost since %v, but the gateway knows it", i, s.pkg(pkg).Lost.Time())
		}
		s.advance(3 * time.Hour)
	}
	if got := s.read(inv.ID); got.State != ledger.Sent && got.State != ledger.Packed {
		t.Errorf("the invoice is %s, want sent or packed: %s", got.State, got.Reason)
	}
}
