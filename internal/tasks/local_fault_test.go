package tasks_test

import (
	"context"
	"errors"
	"testing"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// A worker that cannot serve a tenant leaves the tenant's tasks untouched. It sends no request,
// writes nothing and takes no place on a waitlist. The next worker runs the task.
func TestLocalFault_WorkerCannotServeATenant_TaskIsLeftUntouched(t *testing.T) {
	s := newStage(t, simulator.Options{})
	bulk, single := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Express, s.good("A/2"))
	well := s.worker("well", s.client())
	pkg := well.cut(bulk.ID)
	well.must(queue.KindSubmit, single.ID)
	before, asked := s.pkg(pkg), s.read(single.ID)

	fault := &retry.LaterError{Delay: retry.HandOver, Reason: retry.ReasonLocal, What: "left to another worker"}
	limits := &countingLimits{}
	s.budget = limits
	sick := s.workerWith("sick", s.client(), func(p *tasks.Parts) {
		p.Fault = func(tenant string, _ ...string) error {
			if tenant != s.nip() {
				t.Errorf("Fault was called for tenant %s, want the tenant of the task", tenant)
			}
			return fault
		}
	})
	requests := func() (n int) {
		for _, of := range s.sim.Books().Requests {
			n += of
		}
		return n
	}
	sent := requests()
	for kind, id := range map[queue.Kind]string{queue.KindPackage: pkg, queue.KindSend: single.ID} {
		if err := sick.run(kind, id); !errors.Is(err, fault) {
			t.Errorf("%s: the task ends with %v, want it left to another worker", kind, err)
		}
	}
	if got := s.pkg(pkg); got.State != before.State || got.Rev != before.Rev {
		t.Errorf("the package went from %s to %s, want it untouched", before.State, got.State)
	}
	if got := s.read(single.ID); got.Rev != asked.Rev {
		t.Errorf("the invoice went from %s to %s, want it untouched", asked.State, got.State)
	}
	if n := requests(); n != sent || limits.joined != 0 {
		t.Errorf("%d requests were sent and %d places on the waitlist were taken, want none", n-sent, limits.joined)
	}
	s.budget = noLimits{}
	well.must(queue.KindPackage, pkg)
	well.must(queue.KindSend, single.ID)
}

// countingLimits counts how often a task joins a waitlist.
type countingLimits struct {
	noLimits
	joined int
}

func (c *countingLimits) Join(context.Context, string, string) error { c.joined++; return nil }
