package tasks_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// pool runs the tasks of all packages of a stage in rounds, whether or not the queue would run a
// task now. After each round the clock moves on by a second.
type pool struct {
	*actor
	began       time.Time
	maxPackages int // the most packages that were cut or on their way at one time
}

// pool returns a pool with this one worker.
func (a *actor) pool() *pool {
	return &pool{actor: a, began: a.s.now()}
}

// until runs rounds until want holds. The test fails when this takes longer than the duration
// within.
func (p *pool) until(within time.Duration, want func() bool) {
	p.s.t.Helper()
	wall := time.Now().Add(patience)
	for !want() {
		if took := p.s.now().Sub(p.began); took > within || time.Now().After(wall) {
			p.s.t.Fatalf("after %v the state that the test waits for has not come", took)
		}
		live := map[string]bool{}
		for _, state := range []ledger.PackageState{ledger.PackageCut, ledger.PackageProcessing, ledger.PackageClosing} {
			ids, err := p.s.ledger.PackagesInState(p.s.t.Context(), state, time.Time{}, time.Time{}, 0)
			if err != nil {
				p.s.t.Fatal(err)
			}
			for _, id := range ids {
				live[id] = true
				if state != ledger.PackageCut {
					_ = p.run(queue.KindConfirm, id)
					continue
				}
				_ = p.run(queue.KindPackage, id)
			}
		}
		p.maxPackages = max(p.maxPackages, len(live))
		p.s.advance(time.Second)
	}
}

// admitMany hands in n good invoices A/00, A/01 and so on.
func (en *entries) admitMany(n int) (ids []string, invs []ledger.Invoice) {
	en.t.Helper()
	for i := range n {
		inv := en.admit(ledger.Bulk, en.samples.good(fmt.Sprintf("A/%02d", i)))
		ids, invs = append(ids, inv.ID), append(invs, inv)
	}
	return ids, invs
}

// states counts invoices by their states.
func (en *entries) states(ids []string) map[ledger.State]int {
	invs, err := en.ledger.Invoices(en.t.Context(), ids)
	if err != nil || len(invs) != len(ids) {
		en.t.Fatalf("read %d of %d invoices: %v", len(invs), len(ids), err)
	}
	n := map[ledger.State]int{}
	for _, inv := range invs {
		n[inv.State]++
	}
	return n
}

// KSeF refuses every session for a while. 64 invoices stay together and use few sessions. When KSeF
// is well again, they go through in two sessions at most.
func TestRefusal_KSeFRefusesEverybodyForAWhile_PackagesStayWhole(t *testing.T) {
	const refusals = 9
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{
		Kind: simulator.SessionRefused, Lane: "batch", Code: 500, Times: refusals,
	}}})
	w := s.worker("w", s.client())
	ids, invs := s.admitMany(64)
	w.together(invs...)
	p := w.pool()
	p.until(6*time.Hour, func() bool { return s.states(ids)[ledger.Accepted] == len(ids) })
	if p.maxPackages > 2 {
		t.Errorf("the invoices were in %d packages at one time, want at most 2", p.maxPackages)
	}
	accepting := map[string]bool{}
	for _, id := range ids {
		accepting[s.read(id).Package] = true
	}
	if len(accepting) > 2 {
		t.Errorf("the invoices went through in %d sessions, want at most 2", len(accepting))
	}
	if n := len(s.sim.Books().Sessions); n > refusals+2 {
		t.Errorf("%d sessions for %d refusals, want at most two sessions more than refusals", n, refusals)
	}
	// The first three tries come at once, and each later one after a pause of 5, 10, 20 s and so
	// on. These pauses are kept although the pool runs each task every second.
	if took := s.now().Sub(p.began); took < 5*time.Minute {
		t.Errorf("%d refusals took %v, want at least 5m", refusals, took)
	}
}

// One of 64 invoices is poisonous, and the tenant has no other traffic. It is found and parked
// alone, and all others go through.
func TestRefusal_PoisonousInvoiceAndNoOtherTraffic_ItAloneIsParked(t *testing.T) {
	for _, place := range []int{0, 31, 63} {
		t.Run(fmt.Sprint(place), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{Faults: []simulator.Fault{{
				Kind: simulator.Poison, Number: fmt.Sprintf("A/%02d", place), Code: 405, Times: -1,
			}}})
			w := s.worker("w", s.client())
			ids, invs := s.admitMany(64)
			w.together(invs...)
			w.pool().until(12*time.Hour, func() bool { n := s.states(ids); return n[ledger.Accepted] == 63 && n[ledger.Parked] == 1 })
			if got := s.read(ids[place]); got.State != ledger.Parked {
				t.Errorf("%s is %s, want parked", got.Number, got.State)
			}
			if n := len(s.sim.Books().Sessions); n > 40 {
				t.Errorf("%d sessions, want at most 40", n)
			}
		})
	}
}

// KSeF has refused a package, and then lets another package of the tenant go through. So the first
// package is at fault. At the next refusal it is halved.
func TestRefusal_OthersGoThrough_ThePackageIsHalvedAtOnce(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Poison, Number: "A/05", Code: 405, Times: -1}}})
	w := s.worker("w", s.client())
	ids, invs := s.admitMany(8)
	pkg := w.together(invs...)
	for range 2 {
		pkg = w.refuse(ids[0], pkg)
	}
	other := s.admit(ledger.Bulk, s.good("B/1"))
	through := s.sent(w, other)
	w.settle(through)
	w.refuse(ids[0], pkg)
	cut, err := s.ledger.PackagesInState(t.Context(), ledger.PackageCut, time.Time{}, time.Time{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var counts []int
	for _, id := range cut {
		counts = append(counts, s.pkg(id).Count)
	}
	if !slices.Equal(counts, []int{4, 4}) {
		t.Errorf("the packages hold %v invoices, want two halves of 4", counts)
	}
}

// KSeF refuses a probe. All its invoices go into the rest, which is the package that waits for it.
func TestRefusal_ProbeIsRefused_ItsInvoicesGoBackIntoThePackage(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionRefused, Lane: "batch", Code: 500, Times: -1}}})
	w := s.worker("w", s.client())
	ids, invs := s.admitMany(16)
	w.together(invs...)
	p := w.pool()
	split := 0
	p.until(6*time.Hour, func() bool {
		all, err := s.ledger.PackagesInState(t.Context(), ledger.PackageCut, time.Time{}, time.Time{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range all {
			if s.pkg(id).Probe != "" {
				split++
			}
		}
		return split > 0 && len(all) == 1 && s.pkg(all[0]).Count == 16 && s.pkg(all[0]).Probe == ""
	})
	if n := s.states(ids)[ledger.Packed]; n != 16 {
		t.Errorf("the invoices are %v, want 16 packed", s.states(ids))
	}
}
