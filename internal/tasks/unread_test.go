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

// damage is a way to make an entry unreadable.
type damage struct {
	what  string
	apply func(s *stage, key string)
}

// invoiceDamages returns the ways to damage an invoice's entry.
func invoiceDamages() []damage {
	set := func(field string, value any) func(*stage, string) {
		return func(s *stage, key string) { s.rdb.HSet(s.t.Context(), key, field, value) }
	}
	return []damage{
		{"a newer version", func(s *stage, key string) {
			facts := s.rdb.HGet(s.t.Context(), key, "facts").Val()
			s.rdb.HSet(s.t.Context(), key, "facts", `{"v":9`+facts[len(`{"v":1`):])
		}},
		{"a state of a newer build", set("state", "dreaming")},
		{"facts that are not JSON", set("facts", "{\"v\":1,\"id\"")},
		{"text for a number", set("size", "many")},
		{"text for the revision", set("rev", "last")},
		{"no state", func(s *stage, key string) { s.rdb.HDel(s.t.Context(), key, "state") }},
		{"another type", func(s *stage, key string) {
			s.rdb.Del(s.t.Context(), key)
			s.rdb.RPush(s.t.Context(), key, "x")
		}},
	}
}

// packageDamages returns the ways to damage a package's entry.
func packageDamages() []damage {
	return []damage{
		{"a newer version", func(s *stage, key string) { s.rdb.HSet(s.t.Context(), key, "v", 2) }},
		{"text for a number", func(s *stage, key string) { s.rdb.HSet(s.t.Context(), key, "closing_at", "noon") }},
		{"no id", func(s *stage, key string) { s.rdb.HDel(s.t.Context(), key, "id") }},
		{"another type", func(s *stage, key string) {
			s.rdb.Del(s.t.Context(), key)
			s.rdb.RPush(s.t.Context(), key, "x")
		}},
		{"no entry at all", func(s *stage, key string) { s.rdb.Del(s.t.Context(), key) }},
	}
}

// damage makes an entry unreadable and returns what repairs it.
func (s *stage) damage(d damage, key string) (repair func()) {
	s.t.Helper()
	whole, err := s.rdb.Dump(s.t.Context(), key).Result()
	if err != nil {
		s.t.Fatal(err)
	}
	d.apply(s, key)
	return func() {
		if err := s.rdb.RestoreReplace(s.t.Context(), key, 0, whole).Err(); err != nil {
			s.t.Fatal(err)
		}
	}
}

// loseTask deletes the task of an invoice or a package. found reports whether that invoice or
// package has a task again. The task may be its own or one that it shares with others.
func (fa *failures) loseTask(from string, k queue.Kind, id string, rev int64) (found func() bool) {
	fa.t.Helper()
	inspect := asynq.NewInspectorFromRedisClient(fa.rdb)
	task := queue.TaskID(k, id, rev)
	if err := inspect.DeleteTask(from, task); err != nil {
		fa.t.Fatal(err)
	}
	return func() bool {
		fa.t.Helper()
		if _, err := inspect.GetTaskInfo(from, task); err == nil {
			return true
		}
		stats, err := fa.queue.Stats(1000)
		if err != nil {
			fa.t.Fatal(err)
		}
		info, ok := stats.Of(k, id, rev)
		return ok && info.Queue == from
	}
}

func TestSweep_OneUnreadableInvoice_TheOthersGetTasksAndItIsReportedOnce(t *testing.T) {
	s := newStage(t, simulator.Options{})
	for i, d := range append(invoiceDamages(), damage{"no entry at all", func(s *stage, key string) { s.rdb.Del(s.t.Context(), key) }}) {
		t.Run(d.what, func(t *testing.T) {
			w := s.worker(fmt.Sprint("w", i), s.client())
			bad := s.admit(ledger.Auto, s.good(fmt.Sprint("A/", i)))
			lost := s.admit(ledger.Auto, s.good(fmt.Sprint("B/", i)))
			repair := s.damage(d, "ksef:inv:"+bad.ID)
			found := s.loseTask(queue.QueueInvoices, queue.KindSubmit, lost.ID, lost.Rev)
			s.advance(2 * time.Minute)
			for range 3 {
				w.must(queue.KindSweep, "1")
			}
			if !found() {
				t.Error("the other invoice, whose task was lost, has no task")
			}
			if n, keys, err := s.ledger.Unreadables(t.Context(), 5); err != nil || n != 1 || keys[0] != "inv:"+bad.ID {
				t.Errorf("%d entries are noted as unreadable, %v, want only the damaged one; %v", n, keys, err)
			}
			if n := s.log.count(fmt.Sprintf(`"id":%q,"key":"inv:%s"`, bad.ID, bad.ID)); n != 1 {
				t.Errorf("the log names the damaged entry %d times, want once", n)
			}
			repair()
			w.must(queue.KindSweep, "1")
			if n, _, err := s.ledger.Unreadables(t.Context(), 5); err != nil || n != 0 {
				t.Errorf("after the repair %d entries are still unreadable (%v)", n, err)
			}
		})
	}
}

func TestSweep_OneUnreadablePackage_TheOthersGetTasks(t *testing.T) {
	s := newStage(t, simulator.Options{})
	for i, d := range packageDamages() {
		t.Run(d.what, func(t *testing.T) {
			w := s.worker(fmt.Sprint("w", i), s.client())
			bad := w.cut(s.admit(ledger.Bulk, s.good(fmt.Sprint("A/", i))).ID)
			lost := w.cut(s.admit(ledger.Bulk, s.good(fmt.Sprint("B/", i))).ID)
			repair := s.damage(d, "ksef:pkg:"+bad)
			defer repair()
			found := s.loseTask(queue.QueuePackages, queue.KindPackage, lost, 0)
			s.advance(2 * time.Minute)
			w.must(queue.KindSweep, "1")
			if !found() {
				t.Error("the other package, whose task was lost, has no task")
			}
			if n, keys, err := s.ledger.Unreadables(t.Context(), 5); err != nil || !slices.Contains(keys, "pkg:"+bad) {
				t.Errorf("%d entries are noted as unreadable, %v, want the damaged package among them; %v", n, keys, err)
			}
		})
	}
}

// If an unreadable invoice stayed in its waiting set, a cut would be queued for it again and again.
// So the invoice leaves the set, and comes back when it can be read.
func TestCut_UnreadableInvoiceWaits_TheOthersGoAndItFollowsWhenRepaired(t *testing.T) {
	for _, d := range invoiceDamages() {
		t.Run(d.what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client(), func(o *tasks.Options) { o.ExpressBelow = 5 }) // two are so few that they would go express
			bad := s.admit(ledger.Bulk, s.good("A/1"))
			w.must(queue.KindSubmit, bad.ID)
			repair := s.damage(d, "ksef:inv:"+bad.ID)
			good := s.admit(ledger.Bulk, s.good("A/2"))
			pkg := w.cut(good.ID)
			w.must(queue.KindPackage, pkg)
			w.until(queue.KindConfirm, pkg, func() bool { return s.read(good.ID).State == ledger.Accepted })
			repair()
			s.advance(2 * time.Minute)
			w.must(queue.KindSweep, "1")
			if inv := s.read(bad.ID); inv.State == ledger.Queued {
				w.until(queue.KindCut, inv.WaitingGroup().Name(), func() bool { return s.read(bad.ID).State == ledger.Packed })
			}
			pkg = s.read(bad.ID).Package
			w.must(queue.KindPackage, pkg)
			w.until(queue.KindConfirm, pkg, func() bool { return s.read(bad.ID).State == ledger.Accepted })
			s.acceptedOnce(2)
		})
	}
}

// A package that is not sent yet has an unreadable invoice. The other invoices go in a package of
// their own. The unreadable one stays, and is sent when it can be read.
func TestPackage_UnreadableInvoiceInIt_TheOthersGoAndItFollowsWhenRepaired(t *testing.T) {
	for _, d := range invoiceDamages() {
		t.Run(d.what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			one, bad := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
			two := s.admit(ledger.Bulk, s.good("A/3"))
			first := w.together(one, bad, two)
			repair := s.damage(d, "ksef:inv:"+bad.ID)
			w.must(queue.KindPackage, first)
			second := s.read(one.ID).Package
			if second == first || s.read(two.ID).Package != second || s.pkg(first).State != ledger.PackageCut {
				t.Fatalf("the other invoices are in %s, want a new package; the first package is %s, want cut", second, s.pkg(first).State)
			}
			s.sendThrough(w, second)
			for range 3 {
				if err := w.run(queue.KindPackage, first); err == nil {
					t.Fatal("the package of the unreadable invoice was sent")
				}
			}
			if n := s.states([]string{one.ID, two.ID}); n[ledger.Receipted] != 2 || s.pkg(second).State != ledger.PackageReceipted {
				t.Fatalf("the other invoices are %v, their package is %s, want all receipted", n, s.pkg(second).State)
			}
			repair()
			s.sendThrough(w, first)
			if got := s.read(bad.ID).State; got != ledger.Receipted {
				t.Errorf("after the repair the invoice is %s, want receipted", got)
			}
			s.acceptedOnce(3)
		})
	}
}

// KSeF works on the session of an unreadable invoice. The accepted invoice next to it is settled
// and gets its receipt. The package waits for the unreadable invoice.
func TestConfirm_UnreadableInvoiceInTheSession_TheOthersAreReceiptedAndThePackageWaits(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
		for _, d := range invoiceDamages() {
			t.Run(string(lane)+"/"+d.what, func(t *testing.T) {
				t.Parallel()
				s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.OmitNumber}}})
				w := s.worker("w", s.client())
				one, bad := s.admit(lane, s.good("A/1")), s.admit(lane, s.good("A/2"))
				wrong := s.admit(lane, s.bad("A/3"))
				pkg := s.sent(w, one, bad, wrong)
				repair := s.damage(d, "ksef:inv:"+bad.ID)
				w.until(queue.KindConfirm, pkg, func() bool { return s.read(one.ID).State == ledger.Accepted })
				for range 3 {
					if err := w.run(queue.KindConfirm, pkg); err == nil {
						t.Fatal("the package was settled without the unreadable invoice")
					}
					_ = w.run(queue.KindReceipt, pkg)
				}
				// KSeF rejected one invoice, but the answer in the list has no invoice number. So
				// it could be about the unreadable invoice. A single send has a reference, so the
				// worker asks KSeF about the rejected invoice itself.
				want := map[ledger.Lane]ledger.State{ledger.Bulk: ledger.Sent, ledger.Express: ledger.Rejected}[lane]
				if got := s.read(wrong.ID); got.State != want || got.Package != pkg {
					t.Errorf("the rejected invoice is %s in %s, want %s in %s: %s", got.State, got.Package, want, pkg, got.Reason)
				}
				repair()
				w.settle(pkg)
				w.receipt(pkg)
				if n := s.states([]string{one.ID, bad.ID}); n[ledger.Receipted] != 2 || s.read(wrong.ID).State != ledger.Rejected {
					t.Errorf("the invoices ended as %s, %s and %s, want receipted, receipted and rejected",
						s.read(one.ID).State, s.read(bad.ID).State, s.read(wrong.ID).State)
				}
				if r := s.result(s.read(wrong.ID)); r.State != "rejected" {
					t.Errorf("the archived result of the rejected invoice is %s, want rejected", r.State)
				}
				if n := len(s.sim.Books().Accepted); n != 2 {
					t.Errorf("KSeF accepted %d invoices, want 2", n)
				}
			})
		}
	}
}

// An unreadable invoice keeps its package in processing. The other invoices do not wait for it: the
// accepted one gets its receipt, and the result of the rejected one is archived.
func TestReceipt_UnreadableInvoiceKeepsThePackageOpen_TheOthersGetTheirs(t *testing.T) {
	for _, d := range invoiceDamages() {
		t.Run(d.what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			one, bad := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
			wrong := s.admit(ledger.Bulk, s.bad("A/3"))
			pkg := s.sent(w, one, bad, wrong)
			repair := s.damage(d, "ksef:inv:"+bad.ID)
			w.until(queue.KindConfirm, pkg, func() bool { return s.read(wrong.ID).State == ledger.Rejected })
			_ = w.run(queue.KindConfirm, pkg)
			if err := w.run(queue.KindReceipt, pkg); err != nil {
				t.Fatal(err)
			}
			if got := s.read(one.ID); got.State != ledger.Receipted || got.UPO == "" {
				t.Errorf("the accepted invoice is %s, want receipted", got.State)
			}
			if r := s.result(s.read(wrong.ID)); r.State != "rejected" {
				t.Errorf("the archived result of the rejected invoice is %s, want rejected", r.State)
			}
			if p := s.pkg(pkg); p.State != ledger.PackageProcessing {
				t.Errorf("the package is %s, want processing", p.State)
			}
			repair()
			w.settle(pkg)
			w.receipt(pkg)
			if got := s.read(bad.ID).State; got != ledger.Receipted {
				t.Errorf("after the repair the invoice is %s, want receipted", got)
			}
			s.result(s.read(bad.ID))
		})
	}
}

// The package is settled. An invoice's entry is damaged before the package's receipt is archived.
func TestReceipt_InvoiceOfASettledPackageCannotBeRead_TheOthersAreReceipted(t *testing.T) {
	for _, d := range invoiceDamages() {
		t.Run(d.what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			one, bad, pkg := s.sentPair(w, ledger.Bulk)
			w.settle(pkg)
			repair := s.damage(d, "ksef:inv:"+bad.ID)
			err := w.run(queue.KindReceipt, pkg)
			if err == nil || s.read(one.ID).State != ledger.Receipted || s.pkg(pkg).State != ledger.PackageSettled {
				t.Fatalf("the receipt task ended with %v, want an error; the other invoice is %s, want receipted; the package is %s, want settled",
					err, s.read(one.ID).State, s.pkg(pkg).State)
			}
			repair()
			w.must(queue.KindReceipt, pkg)
			if s.read(bad.ID).State != ledger.Receipted || s.pkg(pkg).State != ledger.PackageReceipted {
				t.Errorf("after the repair the invoice is %s and the package %s, want both receipted",
					s.read(bad.ID).State, s.pkg(pkg).State)
			}
		})
	}
}

// KSeF refuses a session as a whole. The unreadable invoice in it stays in the package of the
// refused session until it can be read. The other invoices go in a new session.
func TestSessionRefused_UnreadableInvoiceInIt_TheOthersGoInANewSession(t *testing.T) {
	for _, d := range invoiceDamages() {
		t.Run(d.what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{Faults: []simulator.Fault{{
				Kind: simulator.SessionRefused, Lane: "batch", Code: 405, Times: 1,
			}}})
			w := s.worker("w", s.client())
			one, bad := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
			two := s.admit(ledger.Bulk, s.good("A/3"))
			first := s.sent(w, one, bad, two)
			repair := s.damage(d, "ksef:inv:"+bad.ID)
			w.until(queue.KindConfirm, first, func() bool { return s.read(one.ID).Package != first })
			s.sendThrough(w, s.read(one.ID).Package)
			if n := s.states([]string{one.ID, two.ID}); n[ledger.Receipted] != 2 {
				t.Errorf("the other invoices are %v, want both receipted", n)
			}
			_ = w.run(queue.KindConfirm, first)
			if p := s.pkg(first); p.State != ledger.PackageProcessing {
				t.Fatalf("the first package is %s, want processing", p.State)
			}
			repair()
			w.until(queue.KindConfirm, first, func() bool { return s.read(bad.ID).Package != first })
			s.sendThrough(w, s.read(bad.ID).Package)
			if n := len(s.sim.Books().Accepted); n != 3 || s.read(bad.ID).State != ledger.Receipted {
				t.Errorf("KSeF accepted %d invoices, want 3; after the repair the unreadable invoice is %s, want receipted",
					n, s.read(bad.ID).State)
			}
		})
	}
}
