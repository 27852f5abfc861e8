package tasks_test

import (
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// A worker on a machine whose clock is a hundred days off goes by Redis's clock.
func TestClock_WorkersClockIsDaysOff_NothingIsPrunedEarlyAndItIsLogged(t *testing.T) {
	for what, off := range map[string]time.Duration{"ahead": 100 * 24 * time.Hour, "behind": -100 * 24 * time.Hour} {
		t.Run(what, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			good, bad := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.bad("A/2"))
			pkg := w.together(good, bad)
			s.sendThrough(w, pkg)
			wrong := s.worker("wrong", s.client(), func(o *tasks.Options) {
				o.Retention, o.DeadlineNear = 90*24*time.Hour, time.Hour
				o.Now = func() time.Time { return s.now().Add(off) }
			})
			wrong.must(queue.KindSweep, "1") // before the worker has compared its clock
			if err := wrong.MeasureClock(t.Context()); err != nil {
				t.Fatal(err)
			}
			wrong.must(queue.KindSweep, "2")
			if s.read(good.ID).State != ledger.Receipted || s.read(bad.ID).State != ledger.Rejected {
				t.Error("an entry that has just ended was pruned")
			}
			if d := wrong.Skew() - off; d.Abs() > time.Second || !wrong.ClockOff() {
				t.Errorf("the worker's clock is %s off, and the worker measured %s, want about the same, and that it counts as off",
					off, wrong.Skew())
			}
			if !s.log.says("this machine's clock differs from redis's") {
				t.Error("the log does not say that the clock is off")
			}
			// The decision when to cut goes by the pool's clock too. A package is cut only from a
			// waiting set that has waited long enough by that clock.
			late := s.worker("late", s.client(), func(o *tasks.Options) {
				o.MaxWait, o.Quiet, o.DeadlineNear = time.Hour, time.Hour, 0
				o.Now = func() time.Time { return s.now().Add(off) }
			})
			if err := late.MeasureClock(t.Context()); err != nil {
				t.Fatal(err)
			}
			inv := s.admit(ledger.Bulk, s.good("A/3"))
			late.must(queue.KindSubmit, inv.ID)
			late.must(queue.KindCut, inv.WaitingGroup().Name())
			if got := s.read(inv.ID).State; got != ledger.Queued {
				t.Errorf("the invoice is %s before its waiting set has waited an hour, want queued", got)
			}
		})
	}
}
