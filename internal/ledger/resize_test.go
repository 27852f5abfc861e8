package ledger

import (
	"testing"
	"time"
)

// A person deletes a waiting set, and its invoices are put back. In two cases, one of the invoices
// ends before that. The set must count the bytes of the invoices that came back, and no others.
func TestWaiting_SetIsDeleted_BytesAreThoseOfTheInvoicesThatComeBack(t *testing.T) {
	next := worlds(t)
	for _, c := range []struct {
		what string
		keys []string
		ends int // how many invoices end before the others are put back
	}{
		{"the set by deadline is deleted, and one invoice ends", []string{"wait:"}, 1},
		{"the sets by age and by deadline are deleted, and one invoice ends", []string{"wait:", "waitage:"}, 1},
		{"the sets by age and by deadline are deleted", []string{"wait:", "waitage:"}, 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := next(t)
			invs := w.waiting(3 + c.ends)
			for _, key := range c.keys {
				w.rdb.Del(ctx(), w.key(key, groupA.Name()))
			}
			for i := range invs {
				if i < c.ends {
					w.must(w.Dismiss(ctx(), &invs[i], Dismissal{By: "anna", Reason: "x"}))
				} else {
					w.must(w.Wait(ctx(), &invs[i]))
				}
			}
			waits, err := w.Waits(ctx())
			w.must(err)
			if len(waits) != 1 || waits[0].Bytes != 3000 {
				t.Errorf("the waiting sets are %+v, want one of 3000 bytes", waits)
			}
		})
	}
}

// The bytes of a waiting set are counted in steps. Invoices enter and leave the set between the
// steps.
func TestResize_SetChangesBetweenTheSteps_CountIsExact(t *testing.T) {
	w := oneWorld(t)
	invs := w.waiting(5)
	w.rdb.HSet(ctx(), w.key(keyWaitSize), groupA.Name(), 7)
	step := func(so []any) []any {
		t.Helper()
		r, err := w.run(ctx(), resizeScript, append(w.args(groupA.Name(), 2), so...))
		w.must(err)
		return r
	}
	first := step(nil)
	w.waiting(2) // the count includes them when they come
	if second := step(first[1:]); text(second[0]) != "more" {
		t.Fatalf("the second step gives %v, want \"more\"", second)
	}
	w.must(w.Dismiss(ctx(), &invs[0], Dismissal{By: "anna", Reason: "x"})) // a step has counted this invoice
	last := step(step(first[1:])[1:])
	if text(last[0]) != "again" {
		t.Errorf("after an invoice has left the set, the last step gives %v, want \"again\"", last)
	}
	done, err := w.resizeGroup(ctx(), groupA.Name(), 2)
	w.must(err)
	if !done {
		t.Error("resize did not count the set")
	}
	w.millis.Store(noon.Add(-time.Hour).UnixMilli()) // the clock steps back
	if done, err := w.resizeGroup(ctx(), groupA.Name(), 2); done || err != nil {
		t.Errorf("after the clock stepped back, the set is counted: %v (error %v), want false", done, err)
	}
	first = step(nil)
	if text(first[0]) != "again" {
		t.Errorf("after the clock stepped back, the first step gives %v, want \"again\"", first)
	}
	w.millis.Store(noon.Add(time.Hour).UnixMilli())
	first = step(nil)
	w.waiting(1)
	w.must(w.Dismiss(ctx(), &w.waiting(1)[0], Dismissal{By: "anna", Reason: "x"})) // an invoice that came and went
	for text(first[0]) == "more" {
		first = step(first[1:])
	}
	if text(first[0]) != "done" {
		t.Errorf("the last step gives %v, want \"done\"", first)
	}
}
