package tasks_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// The worker dies before all parts are sent, and Redis restarts. KSeF's own API refuses to close
// such a session, and would cancel it after twelve hours. After a minute the next worker gives the
// session up. The invoice goes in another session, and no refusal is counted against it. The second
// subtest shows the same when the next worker dies while it gives the session up.
func TestOpened_PartsAreMissingAtKSeFItself_NewSessionAfterAMinuteAndNoRefusalIsCounted(t *testing.T) {
	t.Run("given_up", func(t *testing.T) { giveUpIncomplete(t, false) })
	t.Run("the_worker_dies", func(t *testing.T) { giveUpIncomplete(t, true) })
}

func giveUpIncomplete(t *testing.T, killed bool) {
	s, client := newDirectStage(t, simulator.Options{})
	w := s.worker("w", client)
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(inv.ID)
	ctx, die := context.WithCancel(t.Context())
	client.upload = func() error { die(); return errors.New("the worker is dead") }
	_ = w.runWith(ctx, queue.KindPackage, pkg)
	if p := s.pkg(pkg); p.State != ledger.PackageOpened {
		t.Fatalf("the package is %s, want opened", p.State)
	}
	client.upload = nil
	s.restart()
	w2 := s.worker("w2", client)
	w2.must(queue.KindPackage, pkg)
	for range 3 { // in the first minute KSeF may just be late to notice parts that did arrive
		if v := retry.Judge(w2.run(queue.KindConfirm, pkg)); v.Action != retry.Later {
			t.Fatalf("the verdict is %+v, want later", v)
		}
		if i := s.read(inv.ID); i.Package != pkg {
			t.Fatalf("the invoice is in %s before a minute is over, want it in the first package", i.Package)
		}
	}
	s.advance(2 * time.Minute)
	if killed {
		// The worker dies between the two writes that give the session up. The first write says
		// that nobody closes the session any more. The second says what became of the invoices in
		// the session.
		ctx, kill := context.WithCancel(t.Context())
		w2.beforeVerb("package", 3, kill)
		_ = w2.runWith(ctx, queue.KindConfirm, pkg)
		if p := s.pkg(pkg); p.State != ledger.PackageProcessing {
			t.Fatalf("the package is %s, want processing", p.State)
		}
		w2 = s.worker("w3", client)
	}
	w2.must(queue.KindConfirm, pkg)
	second := s.read(inv.ID).Package
	if p, i := s.pkg(pkg), s.read(inv.ID); second == pkg || p.State != ledger.PackageFailed || i.Resends != 0 ||
		s.pkg(second).Refusals != 0 {
		t.Fatalf("the package is %s with code %d, want failed; the invoice has %d resends and is in %s, want 0 and not %s; "+
			"the invoice's package has %d refusals, want 0", p.State, p.Code, i.Resends, second, pkg, s.pkg(second).Refusals)
	}
	w2.must(queue.KindPackage, second)
	w2.until(queue.KindConfirm, second, func() bool { return s.read(inv.ID).State == ledger.Accepted })
	s.acceptedOnce(1)
}
