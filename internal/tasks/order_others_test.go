package tasks_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// These traces (see order_trace_test.go) are of sessions that are lost or still open, of refused
// calls, of entries that cannot be read, and of invoices that are moved meanwhile.
func TestOrder_Others(t *testing.T) {
	t.Run("the gateway has lost the session", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, simulator.Options{})
		w, tr := s.traced(s.client())
		pkg := s.sent(w, s.admitInOrder(ledger.Bulk, 2)...)
		tr.fails["SessionStatus"] = refusedError("ask session status")
		tr.confirm(w, pkg, 2, nil)
		s.advance(12 * time.Minute)
		tr.confirm(w, pkg, 2, s.over(pkg))
		tr.golden(t)
	})
	t.Run("the gateway knows it again", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, simulator.Options{})
		w, tr := s.traced(s.client())
		pkg := s.sent(w, s.admit(ledger.Bulk, s.good("A/1")))
		tr.fails["SessionStatus"] = refusedError("ask session status")
		tr.confirm(w, pkg, 1, nil)
		delete(tr.fails, "SessionStatus")
		tr.confirm(w, pkg, 1, nil)
		tr.golden(t)
	})
	t.Run("an entry cannot be read", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, simulator.Options{})
		w, tr := s.traced(s.client())
		oneUnreadable(s, w, tr)
		tr.golden(t)
	})
	t.Run("an entry of a refused package cannot be read", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, simulator.Options{})
		client := s.client()
		client.session, client.listed = sessionCode(405), nothingListed
		w, tr := s.traced(client)
		tr.fails["SessionUPO"] = refusedError("fetch session UPO")
		oneUnreadable(s, w, tr)
		tr.golden(t)
	})
	t.Run("a session that is open", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, simulator.Options{})
		client := s.client()
		client.listed = answered(map[string]int{"A/1": 450, "A/2": 500, "A/3": 410})
		w, tr := s.traced(client)
		for i := range 4 {
			inv := s.admit(ledger.Express, s.good(fmt.Sprint("A/", i)))
			w.must(queue.KindSend, inv.ID)
			if i == 3 {
				tr.confirm(w, s.read(inv.ID).Package, 1, nil)
			}
		}
		tr.golden(t)
	})
	t.Run("a send is refused", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Refused, On: "send", Times: 1}}})
		w, tr := s.traced(s.client())
		inv := s.admit(ledger.Express, s.good("A/1"))
		tr.run(w, queue.KindSend, inv.ID)
		tr.golden(t)
	})
	t.Run("a session was refused to open", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Refused, On: "openBatch", Times: 1}}})
		w, tr := s.traced(s.client())
		pkg := w.cut(s.admit(ledger.Bulk, s.good("A/1")).ID)
		tr.run(w, queue.KindPackage, pkg)
		tr.golden(t)
	})
	for name, code := range map[string]int{
		"one moves while a processed session is settled": 200,
		"one moves while a refused session is settled":   500,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			client := s.client()
			client.listed = answered(map[string]int{"A/0": 450})
			if code != 200 {
				client.session, client.listed = sessionCode(code), answered(map[string]int{"A/0": 450, "A/1": 405})
			}
			w, tr := s.traced(client)
			invs := []ledger.Invoice{s.admit(ledger.Express, s.good("A/0")), s.admit(ledger.Express, s.good("A/1"))}
			pkg := s.sent(w, invs...)
			late := &before{do: func() { s.touch(invs[0].ID) }, is: func(args []any) bool { return isVerb(args, "move") }}
			w.rdb.AddHook(late)
			tr.confirm(w, pkg, 3, s.over(pkg))
			tr.golden(t)
		})
	}
	t.Run("one moves while a refused session is emptied", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, simulator.Options{})
		client := s.client()
		client.session, client.listed = sessionCode(500), answered(map[string]int{"A/0": 405, "A/1": 405})
		client.upo = notGiven
		w, tr := s.traced(client)
		invs := []ledger.Invoice{s.admit(ledger.Express, s.good("A/0")), s.admit(ledger.Express, s.good("A/1"))}
		pkg := s.sent(w, invs...)
		late := &before{do: func() { s.touch(invs[0].ID) }, is: func(args []any) bool {
			return isVerb(args, "move") && slices.Contains(args, any("queued"))
		}}
		w.rdb.AddHook(late)
		tr.confirm(w, pkg, 3, s.over(pkg))
		tr.golden(t)
	})
}

// oneUnreadable confirms a package of two invoices while the entry of the first cannot be read, and
// once more after that entry was repaired.
func oneUnreadable(s *stage, w *actor, tr *trace) {
	s.t.Helper()
	bad, _, pkg := s.sentPair(w, ledger.Bulk)
	fix := s.damage(invoiceDamages()[0], "ksef:inv:"+bad.ID)
	tr.confirm(w, pkg, 2, nil)
	fix()
	tr.confirm(w, pkg, 1, nil)
}

// The run of the confirm task that ends a package reads its invoices once, whether the session was
// processed or refused.
func TestConfirm_OneRun_ReadsTheInvoicesOnce(t *testing.T) {
	for name, code := range map[string]int{"processed": 200, "refused": 405} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			client := s.client()
			if code != 200 {
				client.session, client.listed = sessionCode(code), nothingListed
			}
			w, tr := s.traced(client)
			if code != 200 {
				tr.fails["SessionUPO"] = refusedError("fetch session UPO")
			}
			pkg := s.sent(w, s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2")))
			for !s.over(pkg)() {
				tr.reads = 0
				tr.run(w, queue.KindConfirm, pkg)
			}
			if tr.reads != 1 {
				t.Errorf("the last run read the invoices %d times, want once", tr.reads)
			}
		})
	}
}
