package tasks_test

import (
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// refuse sends the invoice's package in one more session, which is refused as a whole. It returns
// the package that holds the invoice after that, or "" if the invoice is parked.
func (a *actor) refuse(inv, pkg string) string {
	a.s.t.Helper()
	if pause := a.s.pkg(pkg).NotBefore.Time().Sub(a.s.now()); pause > 0 {
		a.s.advance(pause)
	}
	a.must(queue.KindPackage, pkg)
	a.until(queue.KindConfirm, pkg, func() bool {
		got := a.s.read(inv)
		return got.Package != pkg || got.State == ledger.Parked
	})
	if got := a.s.read(inv); got.State != ledger.Parked {
		return got.Package
	}
	return ""
}

// KSeF refuses every session for a while. An invoice that is alone in its package is sent again
// after growing pauses, because nothing proves that it is at fault. Once KSeF accepts sessions
// again, the invoice goes through.
func TestRefusal_SingleInvoiceWhileEverythingIsRefused_IsSentAgainAfterPauses(t *testing.T) {
	const times = 6
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{
		Kind: simulator.SessionRefused, Lane: "batch", Code: 500, Times: times,
	}}})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(inv.ID)
	inspect := asynq.NewInspectorFromRedisClient(s.rdb)
	for i := range times {
		if pkg = w.refuse(inv.ID, pkg); pkg == "" {
			t.Fatalf("the invoice is parked after %d refusals, want it to be sent again: %s", i+1, s.read(inv.ID).Reason)
		}
		task, err := inspect.GetTaskInfo(queue.QueuePackages, queue.TaskID(queue.KindPackage, pkg, 0))
		if waits := err == nil && task.State == asynq.TaskStateScheduled; waits != (i >= 2) {
			t.Errorf("after refusal %d, the next send is delayed: %v (error %v), want %v", i+1, waits, err, i >= 2)
		}
	}
	s.advance(time.Hour)
	w.must(queue.KindPackage, pkg)
	w.until(queue.KindConfirm, pkg, func() bool { return s.read(inv.ID).State == ledger.Accepted })
}

// If another package has gone through since the refusals began, the third refusal proves that the
// invoice is at fault. If none has, the invoice is parked as well, but after more refusals.
func TestRefusal_SinglePoisonousInvoice_IsParkedSoonerIfOthersGoThrough(t *testing.T) {
	for why, c := range map[string]struct {
		other    bool
		refusals int
	}{
		"another invoice goes through": {true, 3},
		"there is no other invoice":    {false, 14},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Poison, Number: "A/1", Code: 500}}})
			w := s.worker("w", s.client())
			inv := s.admit(ledger.Bulk, s.good("A/1"))
			pkg := w.refuse(inv.ID, w.cut(inv.ID))
			if c.other { // a package that went through before the first refusal would prove nothing
				good := s.admit(ledger.Bulk, s.good("A/2"))
				other := w.cut(good.ID)
				w.must(queue.KindPackage, other)
				w.settle(other)
			}
			refusals := 1
			for ; pkg != "" && refusals < 20; refusals++ {
				pkg = w.refuse(inv.ID, pkg)
			}
			if got := s.read(inv.ID); got.State != ledger.Parked || refusals != c.refusals {
				t.Errorf("the invoice is %s after %d refusals, want parked after %d", got.State, refusals, c.refusals)
			}
		})
	}
}
