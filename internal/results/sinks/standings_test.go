package sinks

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"ksefworker/internal/ledger"
)

// refuse returns a receiver that refuses the results of these tenants. Without tenants, it refuses
// all results.
func refuse(err error, tenants ...string) *stub {
	wants := Wanted{Tenants: tenants}
	return &stub{answer: func(m *Message) error {
		if wants.gets(m.Tenant, "") {
			return err
		}
		return nil
	}}
}

var errRefused = errors.New("answered 422")

// minutes lets n minutes pass, and serves the receiver after each of them.
func (w *world) minutes(r *Runner, n int) {
	w.t.Helper()
	for range n {
		w.pass(time.Minute)
		w.run(r)
	}
}

// wantTold checks that the receiver was told the state "rejected" of each of these invoices, once,
// and no other state.
func (w *world) wantTold(s *stub, ids []string) {
	w.t.Helper()
	for _, id := range ids {
		if got := s.states(id); got != "rejected" {
			w.t.Fatalf("%s was told as %q, want rejected, once", id, got)
		}
	}
}

func (w *world) standings() map[string]*ledger.Standing {
	w.t.Helper()
	standings, err := w.Standings(w.t.Context(), "erp")
	w.must(err)
	return standings
}

// outTenants counts the tenants whose results the receiver does not take.
func (w *world) outTenants() (n int) {
	w.t.Helper()
	for _, st := range w.standings() {
		if st.Outage != 0 {
			n++
		}
	}
	return n
}

func TestRun_OneTenantsResultsAreRefused_OthersAreToldAndItsOwnLater(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(errRefused, "one")
	r := w.runner(s)
	r.Held = 100
	sick := w.rejected(300)
	w.run(r)
	others := w.rejectedOf("two", 150)
	w.run(r)
	w.wantTold(s, others)
	// The number of results held may exceed the tenant's share, but by less than one batch.
	if held, failed := w.counts(); held < 100 || held >= 100+64 || failed != 0 || w.state().Outage != 0 {
		t.Errorf("%d results are held, %d given up; the state is %+v; want 100 to 163 held, none given up, and no outage",
			held, failed, w.state())
	}
	if l := w.standings()["one"]; l == nil || l.Held+l.Left != 300 {
		t.Errorf("all 300 results should be held or left: %+v", l)
	}
	w.move(sick[0], ledger.Queued, ledger.Parked)
	w.move(sick[299], ledger.Queued, ledger.Parked)
	s.answer = nil
	w.minutes(r, 10)
	w.wantTold(s, sick[1:299])
	for _, id := range []string{sick[0], sick[299]} {
		if got := s.states(id); got != "rejected parked" {
			t.Errorf("the receiver was told %q, want rejected and then parked", got)
		}
	}
	if held, failed := w.counts(); held+failed != 0 || len(w.standings()) != 0 || w.state().Taken != 452 || w.state().Lost != 0 {
		t.Errorf("%d results are held, %d given up; the standings are %v, the state %+v; want nothing left to tell",
			held, failed, w.standings(), w.state())
	}
}

// Results that are refused for three days are given up, some at a time. Each of them is on record
// and can be sent again.
func TestRun_OneTenantsResultsAreRefusedForDays_EachIsOnRecord(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(errRefused, "one")
	r := w.runner(s)
	r.Held = 20
	sick := w.rejected(100)
	for range 3 * 6 {
		w.run(r)
		w.pass(25 * time.Hour)
	}
	if held, failed := w.counts(); held != 0 || failed != 100 {
		t.Fatalf("%d results are held, %d given up, want none and 100", held, failed)
	}
	s.answer = nil
	n, err := Admin{Ledger: w.Ledger}.Resend(t.Context(), "erp")
	if w.must(err); n != 100 {
		t.Errorf("%d outcomes are sent again, want 100", n)
	}
	w.pass(25 * time.Hour)
	w.run(r)
	w.wantTold(s, sick)
	if len(w.standings()) != 0 {
		t.Errorf("no tenant should have a standing any more: %v", w.standings())
	}
}

// A receiver refuses everything of many tenants. The number of results that are held is bounded.
func TestRun_EverythingOfManyTenantsIsRefused_HeldStaysBounded(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(errRefused)
	r := w.runner(s)
	r.Held, r.Batch = 40, 8
	const tenants, each = 30, 20
	var ids []string
	for range each {
		for i := range tenants {
			ids = append(ids, w.rejectedOf(fmt.Sprint("t", i), 1)...)
		}
	}
	w.run(r)
	w.minutes(r, 3)
	bound := int64(tenants*minHeld + 40 + r.Batch)
	if held, _ := w.counts(); held < tenants || held > bound {
		t.Errorf("%d results are held, want %d to %d", held, tenants, bound)
	}
	s.answer = nil
	w.minutes(r, 20)
	w.wantTold(s, ids)
	if held, failed := w.counts(); held+failed != 0 || len(w.standings()) != 0 || w.state().Lost != 0 {
		t.Errorf("%d results are held, %d given up; the standings are %v, the state %+v; want nothing left to tell",
			held, failed, w.standings(), w.state())
	}
}

// A receiver that answers 500, or not in time, for one tenant alone looks as if it were out. The
// other tenants' results must still go on.
func TestRun_OutForOneTenantOnly_OthersAreToldAtOnce(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(out(0), "one")
	r := w.runner(s)
	sick := w.rejected(300)
	w.run(r)
	others := w.rejectedOf("two", 5)
	w.run(r) // again, and no time has passed
	w.wantTold(s, others)
	if w.state().Outage != 0 || w.standings()["one"].Outage == 0 {
		t.Errorf("only the tenant should be out, not the receiver: %+v, %+v", w.state(), w.standings()["one"])
	}
	for range 30 { // other results come one by one while the outage lasts
		id := w.rejectedOf("two", 1)
		w.minutes(r, 1)
		w.wantTold(s, id)
	}
	calls := s.calls
	w.minutes(r, 4*60)
	if n := s.calls - calls; n > 30 {
		t.Errorf("the sick tenant cost %d calls in four hours, want at most 30", n)
	}
	s.answer = nil
	w.minutes(r, 60)
	w.wantTold(s, sick)
	if len(w.standings()) != 0 {
		t.Errorf("no tenant should have a standing any more: %v", w.standings())
	}
}

// While the receiver is out, results of all tenants are tried in turn. So the tenant at the head of
// the outbox does not decide alone whether the receiver is well.
func TestRun_OutForEverybodyThenForOneTenant_ProbesRotate(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(out(0))
	r := w.runner(s)
	sick := w.rejected(200)
	others := append(w.rejectedOf("two", 100), w.rejectedOf("three", 100)...)
	w.minutes(r, 20)
	if w.state().Outage == 0 || w.outTenants() != 3 {
		t.Fatalf("the receiver and three tenants should be out: %+v, %v", w.state(), w.standings())
	}
	s.answer = refuse(out(0), "one").answer
	w.minutes(r, 60)
	w.wantTold(s, others)
	s.answer = nil
	w.minutes(r, 120)
	w.wantTold(s, sick)
	if st := w.state(); st.Outage != 0 || st.Lost != 0 || st.Taken != 400 || len(w.standings()) != 0 {
		t.Errorf("the outage should be over, 400 results taken and none lost: %+v, %v", st, w.standings())
	}
}

func TestRun_RetryAfterForOneTenant_OthersAreToldMeanwhile(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(out(24*time.Hour), "one")
	r := w.runner(s)
	sick := w.rejected(2)
	others := w.rejectedOf("two", 2)
	w.run(r)
	others = append(others, w.rejectedOf("two", 2)...)
	s.answer = nil
	w.minutes(r, 2)
	w.wantTold(s, others)
	if got := s.states(sick[0]); got != "" {
		t.Errorf("the receiver was told %q before the day was over", got)
	}
	w.pass(24 * time.Hour)
	w.minutes(r, 3)
	w.wantTold(s, sick)
}

func TestRun_TenantIsAwayForLongerThanTheOutboxLasts_SaysHowManyItMissed(t *testing.T) {
	w, s := newWorld(t, 100), refuse(out(0), "one")
	r := w.runner(s)
	w.rejected(5)
	w.run(r)
	for range 20 {
		w.rejected(50)
		w.minutes(r, 1)
	}
	s.answer = nil
	w.minutes(r, 60)
	if st := w.state(); st.Lost == 0 || st.Lost+st.Taken != 1005 || len(w.standings()) != 0 {
		t.Errorf("some results should be lost, and those taken and lost be 1005 together: %+v, %v", st, w.standings())
	}
}

// Older builds do not count for each tenant how many results are held. So this build counts them
// again.
func TestRun_HeldByAnOlderBuild_IsCountedAgain(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(errRefused)
	r := w.runner(s)
	ids := append(w.rejected(3), w.rejectedOf("two", 2)...)
	w.run(r)
	w.must(w.rdb.Del(t.Context(), "ksef:sinkstanding:erp").Err())
	w.pass(time.Minute)
	w.run(r)
	if l := w.standings(); l["one"].Held != 3 || l["two"].Held != 2 {
		t.Errorf("the results held were not counted again: %+v", l)
	}
	s.answer = nil
	w.minutes(r, 5)
	w.wantTold(s, ids)
}

// A person asks for everything to be told again, while results of a tenant are still held or left
// behind in the outbox. Each result must be told.
func TestRewind_WhileATenantIsBehind_NothingIsLeftOut(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(errRefused, "one")
	r := w.runner(s)
	r.Held = 10
	ids := append(w.rejected(100), w.rejectedOf("two", 3)...)
	w.run(r)
	w.must(Admin{Ledger: w.Ledger}.Rewind(t.Context(), "erp", time.Now().Add(-time.Hour)))
	s.answer = nil
	w.minutes(r, 10)
	for _, id := range ids {
		if s.states(id) == "" {
			t.Fatalf("%s was never told", id)
		}
	}
	if held, _ := w.counts(); held != 0 || len(w.standings()) != 0 {
		t.Errorf("%d results are held; the standings are %v; want nothing left to tell", held, w.standings())
	}
}

// A tenant is full while no more of its results may be held. While a tenant catches up and one of
// its results is held, it is not full, and only waits for its turn.
func TestRun_TenantCatchesUpWithOneResultHeld_IsNotFull(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(errRefused, "one")
	r := w.runner(s)
	r.Held, r.Batch = 20, 8
	ids := w.rejected(100)
	w.run(r)
	if l := w.standings()["one"]; l.State() != "full" {
		t.Fatalf("the tenant is %s, want full: %+v", l.State(), l)
	}
	caught := 0
	s.answer = func(m *Message) error {
		if l := w.standings()["one"]; l.Blocked() && l.Held < 20 {
			if caught++; l.State() != "waits" {
				t.Errorf("the tenant is %s, want waits: %+v", l.State(), l)
			}
		}
		if m.ID == ids[0] {
			return errRefused
		}
		return nil
	}
	w.minutes(r, 5)
	w.wantTold(s, ids[1:])
	if caught == 0 {
		t.Error("the tenant was never seen while it caught up")
	}
}
