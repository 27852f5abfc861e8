package tasks_test

import (
	"context"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// outOfService is what the limits say while the host's circuit is open.
type outOfService struct{ noLimits }

func (outOfService) Join(context.Context, string, string) error {
	return &ratelimit.NotNow{Wait: 5 * time.Minute, Reason: ratelimit.ReasonOutage, Host: "gateway"}
}
func (outOfService) Down(context.Context) (bool, error) { return true, nil }

// A few that were chosen for the express lane wait there for the gateway. Going back to the waiting set, to be chosen again two seconds later, they would write into the ledger for days.
func TestOutage_ChosenForExpress_WaitsWithoutGoingInCircles(t *testing.T) {
	s := newStage(t, simulator.Options{})
	inv := s.admit(ledger.Auto, s.good("A/1"))
	well := s.worker("well", s.door(), func(o *tasks.Options) { o.ExpressBelow, o.Quiet = 5, time.Millisecond })
	well.must(tasks.KindSubmit, inv.ID)
	s.advance(time.Second)
	well.must(tasks.KindCut, inv.WaitingGroup().Name())
	chosen := s.read(inv.ID)
	if !chosen.Chosen || chosen.Lane != ledger.Express || chosen.Group != "" {
		t.Fatalf("it is not chosen: %+v", chosen)
	}
	s.budget = outOfService{}
	w := s.worker("w", s.door())
	for range 3 {
		if err := w.run(tasks.KindSend, inv.ID); err == nil {
			t.Fatal("a send through a closed door")
		}
	}
	if got := s.read(inv.ID); got.Rev != chosen.Rev {
		t.Errorf("it moved from revision %d to %d", chosen.Rev, got.Rev)
	}
}

// What is held back while the gateway is away is one package for each tenant that knocks. One that was refused and rests for an hour does not knock.
func TestOutage_RefusedPackageRests_AnotherKnocks(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionRefused, Lane: "batch", Code: 500, Times: -1}}})
	w := s.worker("w", s.door())
	lone := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(lone.ID)
	for range 3 {
		pkg = w.refuse(lone.ID, pkg) // rests from now on
	}
	s.budget = outOfService{}
	w = s.worker("away", s.door())
	next := s.admit(ledger.Bulk, s.good("A/2"))
	if knocks := w.cut(next.ID); knocks == pkg {
		t.Fatal("it is in the package that rests")
	}
	third := s.admit(ledger.Bulk, s.good("A/3"))
	w.must(tasks.KindSubmit, third.ID)
	s.advance(time.Second)
	w.must(tasks.KindCut, third.WaitingGroup().Name())
	if got := s.read(third.ID); got.State != ledger.Queued || got.Group == "" {
		t.Errorf("the third is %s, not held back", got.State)
	}
}

// One machine of several does not know the session, now and again, in hours of processing. Each time is the first.
func TestLost_NowAndAgainInALongNight_IsNotTakenForLost(t *testing.T) {
	s := newStage(t, simulator.Options{Delay: 24 * time.Hour})
	w := s.worker("w", s.door())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(inv.ID)
	w.must(tasks.KindPackage, pkg)
	for i := range 4 {
		if err := s.sim.Inject(simulator.Fault{Kind: simulator.Refused, On: "sessionStatus", Code: 404}); err != nil {
			t.Fatal(err)
		}
		_ = w.run(tasks.KindConfirm, pkg)
		if s.pkg(pkg).Lost == 0 {
			t.Fatalf("look %d was answered: this test proves nothing", i)
		}
		s.advance(time.Minute)
		_ = w.run(tasks.KindConfirm, pkg) // 150
		if s.pkg(pkg).Lost != 0 {
			t.Errorf("look %d: lost since %v, though the gateway knows it", i, s.pkg(pkg).Lost.Time())
		}
		s.advance(3 * time.Hour)
	}
	if got := s.read(inv.ID); got.State != ledger.Sent && got.State != ledger.Packed {
		t.Errorf("it is %s: %s", got.State, got.Reason)
	}
}
