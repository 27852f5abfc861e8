package ledger

import (
	"testing"
	"time"
)

// A person deletes a waiting set, and in two cases one of its invoices ends before the others are
// put back. The set must then count the bytes of those invoices that came back, and no others.
func TestWaiting_SetIsDeleted_BytesAreThoseOfTheInvoicesThatComeBack(t *testing.T) {
	next := worlds(t)
	for _, c := range []struct {
		what string
		keys []string
		ends int // how many end meanwhile
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
				t.Errorf("waiting are %+v, want 3000 bytes", waits)
			}
		})
	}
}

// The count is made in steps, and invoices enter and leave the set between them.
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
	w.waiting(2) // they are counted as they come
	if second := step(first[1:]); text(second[0]) != "more" {
		t.Fatalf("the second step gives %v, want more", second)
	}
	w.must(w.Dismiss(ctx(), &invs[0], Dismissal{By: "anna", Reason: "x"})) // it was counted already
	last := step(step(first[1:])[1:])
	if text(last[0]) != "again" {
		t.Errorf("an invoice has left the set, and the last step gives %v: want again", last)
	}
	done, err := w.resizeGroup(ctx(), groupA.Name(), 2)
	w.must(err)
	if !done {
		t.Error("resize did not count the set")
	}
	w.millis.Store(noon.Add(-time.Hour).UnixMilli()) // the clock steps back
	if done, err := w.resizeGroup(ctx(), groupA.Name(), 2); done || err != nil {
		t.Errorf("the clock has stepped back: counted %v (error %v), want false", done, err)
	}
	first = step(nil)
	if text(first[0]) != "again" {
		t.Errorf("the clock has stepped back, and the first step gives %v: want again", first)
	}
	w.millis.Store(noon.Add(time.Hour).UnixMilli())
	first = step(nil)
	w.waiting(1)
	w.must(w.Dismiss(ctx(), &w.waiting(1)[0], Dismissal{By: "anna", Reason: "x"})) // it came and went
	for text(first[0]) == "more" {
		first = step(first[1:])
	}
	if text(first[0]) != "done" {
		t.Errorf("the first step gives %v, want done", first)
	}
}
