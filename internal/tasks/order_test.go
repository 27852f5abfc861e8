package tasks_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// The tests in this file compare traces (see order_trace_test.go). The order of writes, calls and
// tasks decides whether a crash at some point does harm. The chaos runs have shown that the order
// in these traces is right. A changed trace is changed behaviour.

// over returns a function that reports whether a package has ended, or has nothing left but its
// receipt.
func (en *entries) over(pkg string) func() bool {
	return func() bool {
		state := en.pkg(pkg).State
		return state == ledger.PackageSettled || !state.Live()
	}
}

// answered changes a list. An invoice whose number is in codes gets that code, and code 0 leaves it
// out.
func answered(codes map[string]int) func([]ksef.InvoiceInfo) []ksef.InvoiceInfo {
	return func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo {
		out := []ksef.InvoiceInfo{}
		for _, info := range all {
			code, named := codes[info.InvoiceNumber]
			if named && code == 0 {
				continue
			}
			if named {
				info.Status, info.KSeFNumber = ksef.StatusInfo{Code: code, Description: fmt.Sprint("it says ", code)}, ""
			}
			out = append(out, info)
		}
		return out
	}
}

// sessionCode changes the code of a session that has ended, and lets the session count no accepted
// invoice.
func sessionCode(code int) func(ksef.SessionInfo) ksef.SessionInfo {
	return func(i ksef.SessionInfo) ksef.SessionInfo {
		if i.Status.Code >= 200 {
			i.Status = ksef.StatusInfo{Code: code, Description: fmt.Sprint("it says ", code)}
			i.SuccessfulInvoiceCount = 0
		}
		return i
	}
}

// noExtensions removes what a list says about the originals of duplicates.
var noExtensions = change(func(i *ksef.InvoiceInfo) { i.Status.Extensions = nil })

// These traces are of sessions that KSeF has processed.
func TestOrder_Processed(t *testing.T) {
	for _, c := range []struct {
		name   string
		lane   ledger.Lane
		change func(*testClient, *trace)
		docs   int
		runs   int
		after  func(s *stage, w *actor, tr *trace, pkg string)
	}{
		{name: "all accepted in a package", lane: ledger.Bulk, docs: 2, runs: 1},
		{name: "all accepted one by one", lane: ledger.Express, docs: 2, runs: 1},
		{name: "one rejected and one missing", lane: ledger.Express, docs: 3, runs: 2,
			change: func(client *testClient, tr *trace) {
				client.listed = answered(map[string]int{"A/0": 450, "A/1": 0})
				tr.fails["InvoiceStatus"] = refusedError("ask invoice status")
			}},
		{name: "one missing in the list and in the receipt", lane: ledger.Bulk, docs: 2, runs: 2,
			change: func(client *testClient, tr *trace) {
				client.listed, client.upo = answered(map[string]int{"A/1": 0}), notGiven
			}},
		{name: "the time for proof is over", lane: ledger.Bulk, docs: 2, runs: 1,
			change: func(client *testClient, tr *trace) {
				client.listed, client.upo = answered(map[string]int{"A/1": 0}), notGiven
			},
			after: func(s *stage, w *actor, tr *trace, pkg string) {
				s.advance(31 * time.Minute)
				tr.confirm(w, pkg, 4, s.over(pkg))
			}},
		{name: "each asks to be sent again", lane: ledger.Bulk, docs: 3, runs: 1,
			change: func(client *testClient, tr *trace) {
				client.listed = answered(map[string]int{"A/0": 435, "A/1": 500, "A/2": 550})
			}},
		{name: "405 and an unknown code", lane: ledger.Express, docs: 2, runs: 1,
			change: func(client *testClient, tr *trace) { client.listed = answered(map[string]int{"A/0": 405, "A/1": 999}) }},
		{name: "410 for all", lane: ledger.Bulk, docs: 2, runs: 1,
			change: func(client *testClient, tr *trace) { client.listed = answered(map[string]int{"A/0": 410, "A/1": 410}) }},
		{name: "410 for one", lane: ledger.Express, docs: 2, runs: 1,
			change: func(client *testClient, tr *trace) { client.listed = answered(map[string]int{"A/0": 410}) }},
		{name: "still running, then over", lane: ledger.Bulk, docs: 2, runs: 1,
			change: func(client *testClient, tr *trace) { client.listed = answered(map[string]int{"A/1": 150}) },
			after: func(s *stage, w *actor, tr *trace, pkg string) {
				s.advance(31 * time.Minute)
				tr.confirm(w, pkg, 1, nil)
			}},
		{name: "the receipt is sick", lane: ledger.Bulk, docs: 2, runs: 2,
			change: func(client *testClient, tr *trace) {
				client.listed = answered(map[string]int{"A/1": 0})
				tr.fails["SessionUPO"] = unavailableError("fetch session UPO")
			}},
		{name: "the statuses are sick", lane: ledger.Express, docs: 2, runs: 2,
			change: func(client *testClient, tr *trace) {
				client.listed, client.upo = answered(map[string]int{"A/1": 0}), notGiven
				tr.fails["InvoiceStatus"] = unavailableError("ask invoice status")
			}},
		{name: "there is no list", lane: ledger.Bulk, docs: 2, runs: 1,
			change: func(client *testClient, tr *trace) {
				tr.fails["SessionInvoices"] = refusedError("list session invoices")
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			client := s.client()
			w, tr := s.traced(client)
			if c.change != nil {
				c.change(client, tr)
			}
			pkg := s.sent(w, s.admitInOrder(c.lane, c.docs)...)
			tr.confirm(w, pkg, c.runs, s.over(pkg))
			if c.after != nil {
				c.after(s, w, tr, pkg)
			}
			tr.golden(t)
		})
	}
}

// These traces are of invoices that KSeF calls duplicates.
func TestOrder_Duplicates(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*testClient)
		same   bool
	}{
		{"the receipt proves it", nil, true},
		{"another document", nil, false},
		{"the document proves it", func(client *testClient) {
			client.upo = notGiven
		}, true},
		{"only the register names it", func(client *testClient) {
			client.listed = noExtensions
		}, true},
		{"the register does not have it", func(client *testClient) {
			client.listed = noExtensions
			client.page = noPages
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			client := s.client()
			w, tr := s.traced(client)
			s.known(w, s.seeded("A/1", 1))
			s.advance(time.Hour) // the register is up to date
			if c.change != nil {
				c.change(client)
			}
			seed := uint64(1)
			if !c.same {
				seed = 2
			}
			pkg := s.sent(w, s.admit(ledger.Bulk, s.seeded("A/1", seed)))
			tr.confirm(w, pkg, 3, s.over(pkg))
			if !s.over(pkg)() {
				s.advance(2 * time.Hour)
				tr.confirm(w, pkg, 3, s.over(pkg))
			}
			tr.golden(t)
		})
	}
}

// These traces are of sessions that KSeF refuses as a whole.
func TestOrder_Refused(t *testing.T) {
	for _, c := range []struct {
		name   string
		lane   ledger.Lane
		code   int
		docs   int
		change func(*testClient, *trace)
	}{
		{"an online session", ledger.Express, 500, 2,
			func(client *testClient, _ *trace) { client.listed = answered(map[string]int{"A/0": 450, "A/1": 405}) }},
		{"an online session with nothing left", ledger.Express, 415, 1,
			func(client *testClient, _ *trace) { client.listed = answered(map[string]int{"A/0": 450}) }},
		{"an online session that says nothing", ledger.Express, 415, 1, func(client *testClient, tr *trace) {
			client.listed = nothingListed
			tr.fails["InvoiceStatus"], tr.fails["SessionUPO"] = refusedError("ask invoice status"), refusedError("fetch session UPO")
		}},
		{"an online session cancelled", ledger.Express, 440, 1, func(client *testClient, tr *trace) {
			client.listed = nothingListed
			tr.fails["InvoiceStatus"], tr.fails["SessionUPO"] = refusedError("ask invoice status"), refusedError("fetch session UPO")
		}},
		{"a package", ledger.Bulk, 405, 2, func(client *testClient, tr *trace) {
			client.listed = nothingListed
			tr.fails["SessionUPO"] = refusedError("fetch session UPO")
		}},
		{"a package of too many", ledger.Bulk, 420, 3, func(client *testClient, tr *trace) {
			client.listed = nothingListed
			tr.fails["SessionUPO"] = refusedError("fetch session UPO")
		}},
		{"a package with a stale key", ledger.Bulk, 415, 2, func(client *testClient, tr *trace) {
			client.listed = nothingListed
			tr.fails["SessionUPO"] = refusedError("fetch session UPO")
		}},
		{"a package of which one was accepted", ledger.Bulk, 500, 2,
			func(client *testClient, _ *trace) { client.listed = answered(map[string]int{"A/1": 405}) }},
		{"a package whose receipt is sick", ledger.Bulk, 500, 2, func(client *testClient, tr *trace) {
			client.listed = answered(map[string]int{"A/0": 450, "A/1": 405})
			tr.fails["SessionUPO"] = unavailableError("fetch session UPO")
		}},
		{"a package that proves nothing", ledger.Bulk, 500, 2, func(client *testClient, _ *trace) {
			client.upo = notGiven
			client.listed = change(func(i *ksef.InvoiceInfo) { i.InvoiceNumber = "?" })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			client := s.client()
			client.session = sessionCode(c.code)
			w, tr := s.traced(client)
			c.change(client, tr)
			pkg := s.sent(w, s.admitInOrder(c.lane, c.docs)...)
			tr.confirm(w, pkg, 2, s.over(pkg))
			tr.golden(t)
		})
	}
}

// KSeF refuses a package again and again. From the third refusal in a row on, other packages
// matter. When one has gone through, the refused package is halved. When none has, it stays whole
// at first, and later a probe goes ahead. In the end a person decides.
func TestOrder_RefusedAgainAndAgain(t *testing.T) {
	for _, c := range []struct {
		name    string
		docs    int
		through bool
		rounds  int
	}{
		{"others go through", 2, true, 4},
		{"nothing else does", 4, false, 6},
		{"it is alone", 1, false, 15},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			client := s.client()
			w, tr := s.traced(client)
			invs := s.admitInOrder(ledger.Bulk, c.docs)
			w.together(invs...)
			refuse := func() {
				client.session = sessionCode(405)
				client.listed = nothingListed
				tr.fails["SessionUPO"] = refusedError("fetch session UPO")
			}
			for round := range c.rounds {
				refuse()
				ids, err := s.ledger.PackagesInState(t.Context(), ledger.PackageCut, time.Time{}, time.Time{}, 0)
				if err != nil {
					t.Fatal(err)
				}
				slices.SortFunc(ids, func(a, b string) int { return tr.met(a) - tr.met(b) })
				for _, pkg := range ids {
					if pause := s.pkg(pkg).NotBefore.Time().Sub(s.now()); pause > 0 {
						s.advance(pause)
					}
					s.advance(2 * time.Hour)
					tr.run(w, queue.KindPackage, pkg)
					if state := s.pkg(pkg).State; state == ledger.PackageProcessing {
						tr.confirm(w, pkg, 2, s.over(pkg))
					}
				}
				if round == 0 && c.through {
					client.session, client.listed = nil, nil
					delete(tr.fails, "SessionUPO")
					other := s.sent(w, s.admit(ledger.Bulk, s.good("B/1")))
					w.until(queue.KindConfirm, other, s.over(other))
				}
			}
			tr.golden(t)
		})
	}
}
