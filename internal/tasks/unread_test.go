package tasks_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// damage is a way in which an entry cannot be read.
type damage struct {
	what string
	do   func(s *stage, key string)
}

func invoiceDamages() []damage {
	set := func(field string, value any) func(*stage, string) {
		return func(s *stage, key string) { s.rdb.HSet(s.t.Context(), key, field, value) }
	}
	return []damage{
		{"a newer version", func(s *stage, key string) {
			facts := s.rdb.HGet(s.t.Context(), key, "facts").Val()
			s.rdb.HSet(s.t.Context(), key, "facts", `{"v":2`+facts[len(`{"v":1`):])
		}},
		{"a state of a newer build", set("state", "dreaming")},
		{"facts that are no JSON", set("facts", "{\"v\":1,\"id\"")},
		{"text for a number", set("size", "many")},
		{"text for the revision", set("rev", "last")},
		{"no state", func(s *stage, key string) { s.rdb.HDel(s.t.Context(), key, "state") }},
		{"another type", func(s *stage, key string) {
			s.rdb.Del(s.t.Context(), key)
			s.rdb.RPush(s.t.Context(), key, "x")
		}},
	}
}

func packageDamages() []damage {
	return []damage{
		{"a newer version", func(s *stage, key string) { s.rdb.HSet(s.t.Context(), key, "v", 2) }},
		{"text for a number", func(s *stage, key string) { s.rdb.HSet(s.t.Context(), key, "closing_at", "noon") }},
		{"no id", func(s *stage, key string) { s.rdb.HDel(s.t.Context(), key, "id") }},
		{"another type", func(s *stage, key string) {
			s.rdb.Del(s.t.Context(), key)
			s.rdb.RPush(s.t.Context(), key, "x")
		}},
		{"nothing: it is gone", func(s *stage, key string) { s.rdb.Del(s.t.Context(), key) }},
	}
}

// spoil damages an entry and returns what mends it.
func (s *stage) spoil(d damage, key string) (mend func()) {
	s.t.Helper()
	whole, err := s.rdb.Dump(s.t.Context(), key).Result()
	if err != nil {
		s.t.Fatal(err)
	}
	d.do(s, key)
	return func() {
		if err := s.rdb.RestoreReplace(s.t.Context(), key, 0, whole).Err(); err != nil {
			s.t.Fatal(err)
		}
	}
}

// lose takes the task of something away.
func (s *stage) loseTask(from string, k queue.Kind, id string, rev int64) (found func() bool) {
	s.t.Helper()
	inspect := asynq.NewInspectorFromRedisClient(s.rdb)
	task := queue.TaskID(k, id, rev)
	if err := inspect.DeleteTask(from, task); err != nil {
		s.t.Fatal(err)
	}
	return func() bool { _, err := inspect.GetTaskInfo(from, task); return err == nil }
}

func TestSweep_OneUnreadableInvoice_TheOthersAreDrivenOnAndItIsNamedOnce(t *testing.T) {
	s := newStage(t, simulator.Options{})
	for i, d := range append(invoiceDamages(), damage{"nothing: it is gone", func(s *stage, key string) { s.rdb.Del(s.t.Context(), key) }}) {
		t.Run(d.what, func(t *testing.T) {
			w := s.worker(fmt.Sprint("w", i), s.client())
			bad, lost := s.admit(ledger.Auto, s.good(fmt.Sprint("A/", i))), s.admit(ledger.Auto, s.good(fmt.Sprint("B/", i)))
			mend := s.spoil(d, "ksef:inv:"+bad.ID)
			found := s.loseTask(queue.QueueInvoices, queue.KindSubmit, lost.ID, lost.Rev)
			s.advance(2 * time.Minute)
			for range 3 {
				w.must(queue.KindSweep, "1")
			}
			if !found() {
				t.Error("the other, lost one has no task")
			}
			if n, keys, err := s.ledger.Unreadables(t.Context(), 5); err != nil || n != 1 || keys[0] != "inv:"+bad.ID {
				t.Errorf("noted are %d, %v, %v", n, keys, err)
			}
			if n := s.log.count(fmt.Sprintf(`"id":%q,"key":"inv:%s"`, bad.ID, bad.ID)); n != 1 {
				t.Errorf("the log names it %d times", n)
			}
			mend()
			w.must(queue.KindSweep, "1")
			if n, _, err := s.ledger.Unreadables(t.Context(), 5); err != nil || n != 0 {
				t.Errorf("mended, %d are noted still (%v)", n, err)
			}
		})
	}
}

func TestSweep_OneUnreadablePackage_TheOthersAreDrivenOn(t *testing.T) {
	s := newStage(t, simulator.Options{})
	for i, d := range packageDamages() {
		t.Run(d.what, func(t *testing.T) {
			w := s.worker(fmt.Sprint("w", i), s.client())
			bad, lost := w.cut(s.admit(ledger.Bulk, s.good(fmt.Sprint("A/", i))).ID), w.cut(s.admit(ledger.Bulk, s.good(fmt.Sprint("B/", i))).ID)
			mend := s.spoil(d, "ksef:pkg:"+bad)
			defer mend()
			found := s.loseTask(queue.QueuePackages, queue.KindPackage, lost, 0)
			s.advance(2 * time.Minute)
			w.must(queue.KindSweep, "1")
			if !found() {
				t.Error("the other, lost one has no task")
			}
			if n, keys, err := s.ledger.Unreadables(t.Context(), 5); err != nil || !slices.Contains(keys, "pkg:"+bad) {
				t.Errorf("noted are %d, %v, %v", n, keys, err)
			}
		})
	}
}

// In a waiting set it would be cut for again and again. It leaves the set, and comes back once it
// can be read.
func TestCut_UnreadableInvoiceWaits_TheOthersGoAndItFollowsWhenMended(t *testing.T) {
	for _, d := range invoiceDamages() {
		t.Run(d.what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client(), func(o *tasks.Options) { o.ExpressBelow = 5 }) // few: they would go singly
			bad := s.admit(ledger.Bulk, s.good("A/1"))
			w.must(queue.KindSubmit, bad.ID)
			mend := s.spoil(d, "ksef:inv:"+bad.ID)
			good := s.admit(ledger.Bulk, s.good("A/2"))
			pkg := w.cut(good.ID)
			w.must(queue.KindPackage, pkg)
			w.until(queue.KindConfirm, pkg, func() bool { return s.read(good.ID).State == ledger.Accepted })
			mend()
			s.advance(2 * time.Minute)
			w.must(queue.KindSweep, "1")
			if inv := s.read(bad.ID); inv.State == ledger.Queued {
				w.until(queue.KindCut, inv.WaitingGroup().Name(), func() bool { return s.read(bad.ID).State == ledger.Packed })
			}
			pkg = s.read(bad.ID).Package
			w.must(queue.KindPackage, pkg)
			w.until(queue.KindConfirm, pkg, func() bool { return s.read(bad.ID).State == ledger.Accepted })
			s.acceptedOnce2(2)
		})
	}
}

// once holds that KSeF was sent n invoices in all, each once, and took them.
func (s *stage) acceptedOnce2(n int) {
	s.t.Helper()
	b, sent := s.sim.Books(), 0
	for _, session := range b.Sessions {
		sent += session.Invoices
	}
	if sent != n || len(b.Accepted) != n {
		s.t.Errorf("%d invoices were sent and %d accepted, want %d", sent, len(b.Accepted), n)
	}
}

// Before it is sent: the others go in a package of their own.
func TestPackage_UnreadableInvoiceInIt_TheOthersGoAndItFollowsWhenMended(t *testing.T) {
	for _, d := range invoiceDamages() {
		t.Run(d.what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			one, bad, two := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2")), s.admit(ledger.Bulk, s.good("A/3"))
			first := w.together(one, bad, two)
			mend := s.spoil(d, "ksef:inv:"+bad.ID)
			w.must(queue.KindPackage, first)
			second := s.read(one.ID).Package
			if second == first || s.read(two.ID).Package != second || s.pkg(first).State != ledger.PackageCut {
				t.Fatalf("the others are in %s, the first package is %s", second, s.pkg(first).State)
			}
			s.sendThrough(w, second)
			for range 3 { // it spins for nobody
				if err := w.run(queue.KindPackage, first); err == nil {
					t.Fatal("a package was sent of what cannot be read")
				}
			}
			if s.read(one.ID).State != ledger.Receipted || s.read(two.ID).State != ledger.Receipted || s.pkg(second).State != ledger.PackageReceipted {
				t.Fatalf("the others are %s and %s", s.read(one.ID).State, s.read(two.ID).State)
			}
			mend()
			s.sendThrough(w, first)
			if got := s.read(bad.ID).State; got != ledger.Receipted {
				t.Errorf("mended it is %s", got)
			}
			s.acceptedOnce2(3)
		})
	}
}

// through sends a package and brings it to its end.
func (s *stage) sendThrough(w *actor, pkg string) {
	s.t.Helper()
	w.must(queue.KindPackage, pkg)
	w.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
	w.until(queue.KindReceipt, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageReceipted })
}

// While KSeF works on it: the others are settled and get their receipts, the package waits for what
// it cannot tell of, and nothing is concluded from what the list lacks.
func TestConfirm_UnreadableInvoiceInTheSession_TheOthersAreReceiptedAndThePackageWaits(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
		for _, d := range invoiceDamages() {
			t.Run(string(lane)+"/"+d.what, func(t *testing.T) {
				t.Parallel()
				s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.OmitNumber}}})
				w := s.worker("w", s.client())
				one, bad, wrong := s.admit(lane, s.good("A/1")), s.admit(lane, s.good("A/2")), s.admit(lane, s.bad("A/3"))
				pkg := s.sent(w, one, bad, wrong)
				mend := s.spoil(d, "ksef:inv:"+bad.ID)
				w.until(queue.KindConfirm, pkg, func() bool { return s.read(one.ID).State == ledger.Accepted })
				for range 3 {
					if err := w.run(queue.KindConfirm, pkg); err == nil {
						t.Fatal("the package was settled without it")
					}
					_ = w.run(queue.KindReceipt, pkg)
				}
				// The refusal bears no number: it could be the unreadable one's. A single send has
				// a reference of its own to ask by.
				want := map[ledger.Lane]ledger.State{ledger.Bulk: ledger.Sent, ledger.Express: ledger.Rejected}[lane]
				if got := s.read(wrong.ID); got.State != want || got.Package != pkg {
					t.Errorf("of the refused one was concluded: %s, %s", got.State, got.Reason)
				}
				mend()
				w.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
				w.until(queue.KindReceipt, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageReceipted })
				if s.read(one.ID).State != ledger.Receipted || s.read(bad.ID).State != ledger.Receipted || s.read(wrong.ID).State != ledger.Rejected {
					t.Errorf("they ended as %s, %s, %s", s.read(one.ID).State, s.read(bad.ID).State, s.read(wrong.ID).State)
				}
				if r := s.result(s.read(wrong.ID)); r.State != "rejected" {
					t.Errorf("the archive has the refused one as %s", r.State)
				}
				if n := len(s.sim.Books().Accepted); n != 2 {
					t.Errorf("%d were accepted", n)
				}
			})
		}
	}
}

// The receipts of the others do not wait for it.
func TestReceipt_UnreadableInvoiceKeepsThePackageOpen_TheOthersHaveTheirs(t *testing.T) {
	for _, d := range invoiceDamages() {
		t.Run(d.what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			one, bad, wrong := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2")), s.admit(ledger.Bulk, s.bad("A/3"))
			pkg := s.sent(w, one, bad, wrong)
			mend := s.spoil(d, "ksef:inv:"+bad.ID)
			w.until(queue.KindConfirm, pkg, func() bool { return s.read(wrong.ID).State == ledger.Rejected })
			_ = w.run(queue.KindConfirm, pkg)
			if err := w.run(queue.KindReceipt, pkg); err != nil {
				t.Fatal(err)
			}
			if got := s.read(one.ID); got.State != ledger.Receipted || got.UPO == "" {
				t.Errorf("the accepted one is %s", got.State)
			}
			if r := s.result(s.read(wrong.ID)); r.State != "rejected" {
				t.Errorf("the archive has the refused one as %s", r.State)
			}
			if p := s.pkg(pkg); p.State != ledger.PackageProcessing {
				t.Errorf("the package is %s", p.State)
			}
			mend()
			w.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
			w.until(queue.KindReceipt, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageReceipted })
			if got := s.read(bad.ID).State; got != ledger.Receipted {
				t.Errorf("mended it is %s", got)
			}
			s.result(s.read(bad.ID))
		})
	}
}

// Settled, and damaged before its receipt was there.
func TestReceipt_InvoiceOfASettledPackageCannotBeRead_TheOthersAreReceipted(t *testing.T) {
	for _, d := range invoiceDamages() {
		t.Run(d.what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			one, bad := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
			pkg := s.sent(w, one, bad)
			w.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
			mend := s.spoil(d, "ksef:inv:"+bad.ID)
			if err := w.run(queue.KindReceipt, pkg); err == nil || s.read(one.ID).State != ledger.Receipted || s.pkg(pkg).State != ledger.PackageSettled {
				t.Fatalf("%v: the other is %s, the package %s", err, s.read(one.ID).State, s.pkg(pkg).State)
			}
			mend()
			w.must(queue.KindReceipt, pkg)
			if s.read(bad.ID).State != ledger.Receipted || s.pkg(pkg).State != ledger.PackageReceipted {
				t.Errorf("mended it is %s, the package %s", s.read(bad.ID).State, s.pkg(pkg).State)
			}
		})
	}
}

// KSeF refuses the session as a whole: the others go in a new one, and what cannot be read stays
// where KSeF's answer to it is.
func TestSessionRefused_UnreadableInvoiceInIt_TheOthersGoInANewSession(t *testing.T) {
	for _, d := range invoiceDamages() {
		t.Run(d.what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{Faults: []simulator.Fault{{
				Kind: simulator.SessionRefused, Lane: "batch", Code: 405, Times: 1,
			}}})
			w := s.worker("w", s.client())
			one, bad, two := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2")), s.admit(ledger.Bulk, s.good("A/3"))
			first := s.sent(w, one, bad, two)
			mend := s.spoil(d, "ksef:inv:"+bad.ID)
			w.until(queue.KindConfirm, first, func() bool { return s.read(one.ID).Package != first })
			s.sendThrough(w, s.read(one.ID).Package)
			if s.read(one.ID).State != ledger.Receipted || s.read(two.ID).State != ledger.Receipted {
				t.Errorf("the others are %s and %s", s.read(one.ID).State, s.read(two.ID).State)
			}
			_ = w.run(queue.KindConfirm, first)
			if p := s.pkg(first); p.State != ledger.PackageProcessing {
				t.Fatalf("the first package is %s", p.State)
			}
			mend()
			w.until(queue.KindConfirm, first, func() bool { return s.read(bad.ID).Package != first })
			s.sendThrough(w, s.read(bad.ID).Package)
			if n := len(s.sim.Books().Accepted); n != 3 || s.read(bad.ID).State != ledger.Receipted {
				t.Errorf("%d accepted, the mended one is %s", n, s.read(bad.ID).State)
			}
		})
	}
}
