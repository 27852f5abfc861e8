package tasks_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// twoPieces is a number of invoices that the ledger moves in two steps.
const twoPieces = 201

// aMoveInPieces is a task that moves the invoices of a package in pieces.
type aMoveInPieces struct {
	sim  simulator.Options
	path func(s *stage, w *actor, pkg string) // leads the package up to the task
	kind queue.Kind
	verb string
	nth  int32 // the call of the verb that writes the second piece
	// pkg and halfway are the states of the package and of its invoices in the replica that lacks
	// the second piece.
	pkg     ledger.PackageState
	halfway map[ledger.State]int
}

var movesInPieces = map[string]aMoveInPieces{
	"closing": {kind: queue.KindPackage, verb: "package", nth: 4, path: func(*stage, *actor, string) {},
		pkg: ledger.PackageClosing, halfway: map[ledger.State]int{ledger.Sending: 200, ledger.Packed: 1}},
	"processing": {kind: queue.KindPackage, verb: "package", nth: 6, path: func(*stage, *actor, string) {},
		pkg: ledger.PackageProcessing, halfway: map[ledger.State]int{ledger.Sent: 200, ledger.Sending: 1}},
	"outcomes": {kind: queue.KindConfirm, verb: "move", nth: 2, path: (*stage).sentAndProcessed,
		pkg: ledger.PackageProcessing, halfway: map[ledger.State]int{ledger.Accepted: 100, ledger.Sent: 101}},
	"receipts": {kind: queue.KindReceipt, verb: "move", nth: 2, path: (*stage).sentAndSettled,
		pkg: ledger.PackageSettled, halfway: map[ledger.State]int{ledger.Receipted: 100, ledger.Accepted: 101}},
	"giving up": {kind: queue.KindPackage, verb: "package", nth: 2, path: (*stage).openedByTheDead,
		pkg: ledger.PackageAbandoned, halfway: map[ledger.State]int{ledger.Queued: 200, ledger.Packed: 1}},
	"refused": {kind: queue.KindConfirm, verb: "repack", nth: 2, path: (*stage).sentAndProcessed,
		sim: simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionRefused, Lane: "batch", Code: 500}}},
		pkg: ledger.PackageProcessing, halfway: map[ledger.State]int{ledger.Packed: 200, ledger.Sent: 1}},
}

func (s *stage) sentAndProcessed(w *actor, pkg string) {
	w.must(queue.KindPackage, pkg)
	s.advance(time.Hour)
}

func (s *stage) sentAndSettled(w *actor, pkg string) {
	w.must(queue.KindPackage, pkg)
	w.settle(pkg)
}

func (s *stage) openedByTheDead(_ *actor, pkg string) {
	s.killedAtPiece(s.worker("dead", s.client()), "package", 2, queue.KindPackage, pkg)
}

// Redis fails over to a replica that has only the first piece of a move. In the second case the
// replica lacks even the first piece, and the worker goes on and writes the second piece to the new
// master. Another worker goes on from what the ledger has after that.
func TestPieces_FailoverBetweenTwoPieces_EveryInvoiceIsAcceptedOnce(t *testing.T) {
	for what, m := range movesInPieces {
		for _, at := range []string{"the second piece is lost", "the first piece is lost"} {
			t.Run(what+", "+at, func(t *testing.T) {
				t.Parallel()
				s := newStage(t, m.sim)
				w := s.worker("w", s.client())
				ids, pkg := s.manyInOne(w, twoPieces)
				m.path(s, w, pkg)
				w2 := s.worker("w2", s.client())
				var replica snapshot
				second := at == "the second piece is lost"
				if second {
					w2.beforeVerb(m.verb, m.nth, func() { replica = s.snapshot() })
				} else {
					w2.beforeVerb(m.verb, m.nth-1, func() { replica = s.snapshot() })
					w2.beforeVerb(m.verb, m.nth, func() { s.failOver(replica) })
				}
				for n := 0; replica == nil && n < 100; n++ {
					s.sim.Rest()            // KSeF is done with what was closed before
					_ = w2.run(m.kind, pkg) // so the task gets further each time
				}
				if replica == nil {
					t.Fatal("the task wrote no second piece")
				}
				if second {
					s.failOver(replica)
					if by := s.countStates(ids); s.pkg(pkg).State != m.pkg || fmt.Sprint(by) != fmt.Sprint(m.halfway) {
						t.Fatalf("the replica has the package %s and the invoices %v, want %s and %v",
							s.pkg(pkg).State, by, m.pkg, m.halfway)
					}
				}
				s.driven(s.worker("w3", s.client()), ids)
				s.acceptedEachOnce(ids)
			})
		}
	}
}

// driven lets a worker do what a pool does, until every invoice has its receipt.
func (s *stage) driven(w *actor, ids []string) {
	s.t.Helper()
	for range 60 {
		if s.countStates(ids)[ledger.Receipted] == len(ids) {
			return
		}
		s.advance(10 * time.Minute)
		w.must(queue.KindSweep, "1")
		s.agree()
		waits, err := s.ledger.Waits(s.t.Context())
		for _, set := range waits {
			err = errors.Join(err, w.run(queue.KindCut, set.Group.Name()))
		}
		for state, kind := range map[ledger.PackageState]queue.Kind{
			ledger.PackageCut: queue.KindPackage, ledger.PackageOpened: queue.KindPackage, ledger.PackageUploaded: queue.KindPackage,
			ledger.PackageClosing: queue.KindConfirm, ledger.PackageProcessing: queue.KindConfirm, ledger.PackageSettled: queue.KindReceipt,
		} {
			pkgs, listed := s.ledger.PackagesInState(s.t.Context(), state, time.Time{}, time.Time{}, 0)
			err = errors.Join(err, listed)
			for _, pkg := range pkgs {
				err = errors.Join(err, w.run(kind, pkg))
			}
		}
		if err != nil {
			s.log.Write([]byte("driven: " + err.Error() + "\n"))
		}
	}
	s.t.Fatalf("not every invoice gets its receipt: %v", s.countStates(ids))
}

// agree checks that the count of a live package is the number of invoices that it holds. While the
// package is closing or in processing, the count is the number of invoices in its session, and the
// package may hold fewer.
func (s *stage) agree() {
	s.t.Helper()
	for _, state := range ledger.PackageStates() {
		pkgs, err := s.ledger.PackagesInState(s.t.Context(), state, time.Time{}, time.Time{}, 0)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, pkg := range pkgs {
			held, err := s.ledger.Held(s.t.Context(), pkg)
			if err != nil {
				s.t.Fatal(err)
			}
			n, closed := s.pkg(pkg).Count, state == ledger.PackageClosing || state == ledger.PackageProcessing
			if closed && n < len(held) || state.Live() && !closed && n != len(held) {
				s.t.Errorf("package %s is %s, counts %d invoices and holds %d, want no more than it counts, and as many before its session is closed",
					pkg, state, n, len(held))
			}
		}
	}
}

// acceptedEachOnce checks that KSeF accepted each invoice once and rejected none, not even as a
// duplicate. It also checks that the ledger has KSeF's number of each invoice, after two attempts
// at most.
func (s *stage) acceptedEachOnce(ids []string) {
	s.t.Helper()
	books := s.sim.Books()
	numbers := map[string]string{}
	for _, a := range books.Accepted {
		numbers[a.Number] = a.KsefNumber
	}
	if len(books.Accepted) != len(ids) || len(numbers) != len(ids) || len(books.Rejected) != 0 {
		s.t.Errorf("KSeF accepted %d invoices with %d different numbers and rejected %d, want each invoice accepted once and none rejected",
			len(books.Accepted), len(numbers), len(books.Rejected))
	}
	for _, id := range ids {
		if inv := s.read(id); inv.KsefNumber != numbers[inv.Number] || inv.Attempts > 2 {
			s.t.Fatalf("%s has the KSeF number %q after %d attempts, want %q after two attempts at most",
				inv.Number, inv.KsefNumber, inv.Attempts, numbers[inv.Number])
		}
	}
}
