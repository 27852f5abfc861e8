package tasks_test

import (
	"fmt"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// After a package was cut, no session is left in this hour. The package is given up. Its invoices
// wait again, and travel in one session with those that come meanwhile. Their entries do not change
// while they wait.
func TestBackToWaiting_NoSessionForLong_PackageTravelsWithWhatComes(t *testing.T) {
	s := newStage(t, simulator.Options{})
	c := s.limit(hourLimits(map[string]int{ratelimit.GroupBatchSession: 60}))
	w := s.worker("w", s.limitedClient(c), asConfigured)
	first := s.queueBulk(w, "A", 5)
	s.advance(3 * time.Second)
	w.must(queue.KindCut, first[0].WaitingGroup().Name())
	cut := s.packages(ledger.PackageCut)
	if len(cut) != 1 || cut[0].Count != 5 {
		t.Fatalf("the packages that were cut are %+v, want one of five invoices", cut)
	}
	c.use(t, s.nip(), ratelimit.GroupBatchSession, 60) // another worker was faster
	w.must(queue.KindPackage, cut[0].ID)
	if got := s.pkg(cut[0].ID); got.State != ledger.PackageAbandoned || got.Reason == "" {
		t.Fatalf("the package is %s, want abandoned", got.State)
	}
	if u, err := c.Usage(t.Context(), s.nip(), ratelimit.GroupBatchSession); err != nil || u.Waitlisted != 0 {
		t.Errorf("%d requests are on the waitlist for a package that was given up, want none (error %v)", u.Waitlisted, err)
	}
	rev := s.read(first[0].ID).Rev
	second := s.queueBulk(w, "B", 5)
	for range 58 {
		s.advance(time.Minute)
		w.must(queue.KindCut, first[0].WaitingGroup().Name())
	}
	if got := s.read(first[0].ID); got.Rev != rev || got.Group == "" {
		t.Errorf("an invoice was moved while it waited: it is at revision %d, want %d", got.Rev, rev)
	}
	s.advance(3 * time.Minute)
	w.must(queue.KindCut, first[0].WaitingGroup().Name())
	cut = s.packages(ledger.PackageCut)
	if len(cut) != 1 || cut[0].Count != len(first)+len(second) {
		t.Fatalf("the packages that were cut are %+v, want one with all ten invoices", cut)
	}
	w.must(queue.KindPackage, cut[0].ID)
	if got := s.read(second[0].ID); got.State != ledger.Sent {
		t.Errorf("an invoice that came meanwhile is %s, want sent", got.State)
	}
}

// Three packages have to wait for a session: a full one, one that resulted from a refusal, and one
// that is the probe of an outage. None of them goes back to its waiting set.
func TestBackToWaiting_FullRefusedOrDuringAnOutage_StaysAPackage(t *testing.T) {
	t.Run("full", func(t *testing.T) {
		s := newStage(t, simulator.Options{})
		c := s.limit(hourLimits(map[string]int{ratelimit.GroupBatchSession: 60}))
		w := s.worker("w", s.limitedClient(c), asConfigured, func(o *tasks.Options) { o.MaxInvoices = 5 })
		invs := s.queueBulk(w, "A", 5)
		w.must(queue.KindCut, invs[0].WaitingGroup().Name())
		c.use(t, s.nip(), ratelimit.GroupBatchSession, 60)
		s.staysPackage(w, s.packages(ledger.PackageCut))
	})
	t.Run("refused", func(t *testing.T) {
		s := newStage(t, simulator.Options{Faults: []simulator.Fault{{
			Kind: simulator.SessionRefused, Lane: "batch", Code: 500, Times: -1,
		}}})
		w := s.worker("w", s.client())
		inv := s.admit(ledger.Bulk, s.good("A/1"))
		pkg := w.refuse(inv.ID, w.cut(inv.ID))
		c := s.limit(hourLimits(map[string]int{ratelimit.GroupBatchSession: 60}))
		c.use(t, s.nip(), ratelimit.GroupBatchSession, 60)
		s.staysPackage(s.worker("again", s.limitedClient(c)), []ledger.Package{s.pkg(pkg)})
	})
	t.Run("outage", func(t *testing.T) {
		s := newStage(t, simulator.Options{})
		inv := s.admit(ledger.Bulk, s.good("A/1"))
		pkg := s.worker("w", s.client()).cut(inv.ID)
		s.budget = outOfService{}
		s.staysPackage(s.worker("away", s.client()), []ledger.Package{s.pkg(pkg)})
	})
}

// staysPackage checks that there is one package, which waits for a session and is not given up.
func (po *paths) staysPackage(w *actor, packages []ledger.Package) {
	po.t.Helper()
	if len(packages) != 1 {
		po.t.Fatalf("%d packages are cut, want one", len(packages))
	}
	if err := w.run(queue.KindPackage, packages[0].ID); err == nil {
		po.t.Error("the package does not wait for a session")
	}
	if got := po.entries.pkg(packages[0].ID); got.State != ledger.PackageCut {
		po.t.Errorf("the package is %s, want cut", got.State)
	}
}

// queueBulk puts n invoices of a series into their waiting set.
func (en *entries) queueBulk(w *actor, series string, n int) []ledger.Invoice {
	en.t.Helper()
	var out []ledger.Invoice
	for i := range n {
		inv := en.admit(ledger.Bulk, en.samples.goodToday(fmt.Sprint(series, "/", i)))
		w.must(queue.KindSubmit, inv.ID)
		out = append(out, inv)
	}
	return out
}
