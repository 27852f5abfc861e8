package tasks_test

import (
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// Workers with different configurations share a pool. A worker without the tenant neither cuts nor
// queues a cut, even when a cut is due. The waiting invoices can be dismissed. The worker that has
// the tenant cuts.
func TestCut_TenantIsNotInThisConfiguration_TheSetIsLeftToAnotherWorker(t *testing.T) {
	t.Parallel()
	s := newStage(t, simulator.Options{})
	without := s.workerWith("without", s.client(), func(p *tasks.Parts) {
		p.Transport = func(string) (tasks.Transport, bool) { return nil, false }
	})
	waiting := func(number string) ledger.Invoice {
		inv := s.admit(ledger.Bulk, s.good(number))
		without.must(queue.KindSubmit, inv.ID)
		return s.read(inv.ID)
	}
	one, two := waiting("A/1"), waiting("A/2")
	s.advance(time.Hour)
	group := one.WaitingGroup().Name()
	without.must(queue.KindCut, group)
	without.must(queue.KindSweep, "1")
	if got := s.read(one.ID); got.State != ledger.Queued || got.Group != group {
		t.Fatalf("after the worker without the tenant ran, the invoice is %s in %q, want it to wait in its set", got.State, got.Group)
	}
	if stats, err := s.queue.Pending(queue.KindCut); err != nil || stats != 0 {
		t.Errorf("%d cuts are queued, want none: %v", stats, err)
	}
	two = s.read(two.ID)
	if err := s.ledger.Dismiss(t.Context(), &two, ledger.Dismissal{By: "anna", Reason: "the tenant is gone"}); err != nil {
		t.Errorf("dismiss an invoice that waits: %v", err)
	}
	with := s.worker("with", s.client())
	with.until(queue.KindCut, group, func() bool { return s.read(one.ID).State == ledger.Packed })
}
