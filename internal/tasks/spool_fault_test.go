package tasks_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// A worker whose disk is full fails faster than other workers build, so it would take most tasks.
// It leaves each package to another worker within seconds, and no failure of the package is
// counted.
func TestBuild_SpoolIsFull_PackagesAreLeftToOtherWorkersUntilThereIsRoom(t *testing.T) {
	s := newStage(t, simulator.Options{})
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	full := s.worker("full", s.client(), func(o *tasks.Options) { o.SpoolDir = filepath.Join(file, "spool") })
	left := func(pkg string) {
		t.Helper()
		err := full.run(queue.KindPackage, pkg)
		if v := retry.Judge(err); v.Reason != retry.ReasonLocal || retry.IsFailure(err) || retry.Delay(9, err, nil) > 3*time.Second {
			t.Errorf("the task ends with %v: %+v, and comes back in %v; want the package left to another worker for at most 3s",
				err, v, retry.Delay(9, err, nil))
		}
		if full.SpoolFault() == "" {
			t.Error("the worker does not report that it cannot write its spool")
		}
	}
	a := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := full.cut(a.ID)
	left(pkg)
	if err := os.Remove(file); err != nil { // there is room again, but the worker does not try for a while
		t.Fatal(err)
	}
	left(pkg)
	s.advance(time.Minute)
	full.must(queue.KindPackage, pkg)
	if fault := full.SpoolFault(); fault != "" {
		t.Error("after a build that succeeded, the worker still reports:", fault)
	}
}
