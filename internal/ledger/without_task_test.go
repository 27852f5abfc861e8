package ledger

import (
	"slices"
	"testing"
	"time"
)

// However many invoices are in waiting sets, a pass finds every queued invoice that is in no
// waiting set. Each call of the pass reads a bounded number of invoices.
func TestWithoutTask_AmongThousandsThatWait_APassFindsAllAndEachCallIsBounded(t *testing.T) {
	w := oneWorld(t)
	const waiting, each = 3000, 200
	w.waiting(waiting)
	var want []string
	for range 3 {
		want = append(want, w.take(w.fresh())[0].ID)
	}
	slices.Sort(want)
	for round := range 3 { // each pass starts from the beginning
		var got []string
		calls := 0
		for pass := false; !pass; calls++ {
			ids, done, err := w.WithoutTask(ctx(), w.now().Add(time.Hour), each)
			w.must(err)
			if len(ids) > 4*each {
				t.Fatalf("one call lists %d invoices, far more than it was told to read", len(ids))
			}
			got, pass = append(got, ids...), done
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("pass %d found %v, want %v", round, got, want)
		}
		if calls < waiting/each/4 {
			t.Errorf("pass %d took only %d calls, so a call read more than it was told to read", round, calls)
		}
	}
	if ids, _, err := w.WithoutTask(ctx(), w.now().Add(-time.Hour), 2*waiting); err != nil || len(ids) != 0 {
		t.Errorf("WithoutTask lists %v (error %v), want none, because all invoices changed after the given time", ids, err)
	}
}
