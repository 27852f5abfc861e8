package tasks_test

import (
	"errors"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// A worker is not allowed to send anything of a tenant, for example because the tenant's name means
// another taxpayer. The worker leaves the tenant's waiting set alone, in the bulk lane and in the
// auto lane. The error stays with the task, where people are told of it.
func TestCut_WorkerMaySendNothingOfTheTenant_TheSetIsLeftToAnotherWorker(t *testing.T) {
	t.Parallel()
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Auto} {
		s := newStage(t, simulator.Options{})
		why := &retry.LaterError{Delay: retry.HandOver, Reason: retry.ReasonLocal, What: "the name means another taxpayer"}
		barred := s.workerWith("barred", s.client(), func(p *tasks.Parts) {
			p.Fault = func(string, ...string) error { return why }
		})
		inv := s.admit(lane, s.good("A/1"))
		barred.must(queue.KindSubmit, inv.ID)
		s.advance(time.Hour)
		set := s.read(inv.ID)
		group := set.WaitingGroup().Name()
		if err := barred.run(queue.KindCut, group); !errors.Is(err, why) {
			t.Errorf("%s: the cut ends with %v, want the tenant's fault", lane, err)
		}
		barred.must(queue.KindSweep, "1")
		if got := s.read(inv.ID); got.State != ledger.Queued || got.Rev != set.Rev || got.Group != group {
			t.Fatalf("%s: the invoice is %s in %q, want it to wait in its set untouched", lane, got.State, got.Group)
		}
		s.worker("well", s.client()).must(queue.KindCut, group)
		if got := s.read(inv.ID); got.Rev == set.Rev {
			t.Errorf("%s: the other worker did not take the invoice out of its set", lane)
		}
	}
}
