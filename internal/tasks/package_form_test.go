package tasks_test

import (
	"testing"

	"ksefworker/internal/ledger"
	"ksefworker/internal/pack"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// KSeF's own API takes tar.gz as well as ZIP. The simulator unpacks the form that was declared, and
// refuses a package in any other form.
func TestPackage_TarGz_IsDeclaredAndAcceptedWithReceipt(t *testing.T) {
	s, client := newDirectStage(t, simulator.Options{})
	w := s.worker("w", client, func(o *tasks.Options) {
		o.PackageForm = func(string) tasks.PackageForm { return tasks.PackageForm{Format: pack.TarGz} }
	})
	invs := []ledger.Invoice{s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))}
	pkg := w.together(invs...)
	w.must(queue.KindPackage, pkg)
	w.settle(pkg)
	w.receipt(pkg)
	for _, inv := range invs {
		if got := s.read(inv.ID); got.State != ledger.Receipted {
			t.Errorf("%s is %s, want receipted: %s", inv.Number, got.State, got.Reason)
		}
	}
	if b := s.sim.Books(); len(b.Accepted) != 2 || len(b.Sessions) != 1 || !b.Sessions[0].TarGz {
		t.Errorf("KSeF accepted %d invoices in %+v, want 2 in one session that was declared as tar.gz", len(b.Accepted), b.Sessions)
	}
}
