package ledger

import (
	"testing"
	"time"
)

func (w *world) marked(items ...OpenName) []bool {
	w.t.Helper()
	marks, err := w.SeenOf(ctx(), items...)
	w.must(err)
	out := make([]bool, len(marks))
	for i, m := range marks {
		out[i] = m.By == "anna K." && m.At > 0
	}
	return out
}

func TestMarkSeen_OpenItems_HaveAMarkUntilTheyClose(t *testing.T) {
	w := oneWorld(t)
	rejected, parked, queued := w.invoiceIn(Rejected), w.invoiceIn(Parked), w.invoiceIn(Queued)
	ref := refusedDoc(sellerA, "x.xml")
	w.must(w.Refuse(ctx(), []Refusal{ref}))
	items := []OpenName{rejected.NameOfOpen(), parked.NameOfOpen(), ref.NameOfOpen(), queued.NameOfOpen(), {ID: ref.ID, Tenant: "B"},
		{ID: "inv-none"}}
	check := func(what string, got, want []bool) {
		t.Helper()
		for i := range items {
			if got[i] != want[i] {
				t.Errorf("%s: %+v is %v, want %v", what, items[i], got[i], want[i])
			}
		}
	}
	done, err := w.MarkSeen(ctx(), "anna K.", items...)
	w.must(err)
	check("marked", done, []bool{true, true, true, false, false, false})
	check("has a mark", w.marked(items...), []bool{true, true, true, false, false, false})
	_, err = w.MarkSeen(ctx(), "", items[1])
	w.must(err)
	check("has a mark after one was taken away", w.marked(items...), []bool{true, false, true, false, false, false})
	if again := w.again(rejected); again.Rev != rejected.Rev || again.UpdatedAt != rejected.UpdatedAt {
		t.Errorf("the mark has changed the entry: %+v", again)
	}
	w.move(rejected, Dismissed)
	w.must(w.DismissRefusal(ctx(), ref.ID, Dismissal{By: "jan", Reason: "x"}))
	if n := w.rdb.Exists(ctx(), w.key(keySeen)).Val(); n != 0 {
		t.Error("marks of closed items are left")
	}
}

func TestSeenOf_ItemThatHasChangedSince_DoesNotCount(t *testing.T) {
	s := Seen{By: "anna", At: At(time.UnixMilli(1000))}
	if s.Of(1000) != s || s.Of(999) != s || s.Of(1001) != (Seen{}) {
		t.Errorf("the marks of items that changed at, before and after the time of the mark are %+v, %+v and %+v, want none only in the last",
			s.Of(1000), s.Of(999), s.Of(1001))
	}
}

// The mark of a rejected invoice is removed when another document supersedes the invoice, and when
// its entry is pruned. The mark of a refusal is removed with the refusal.
func TestMarkSeen_WhatEndsByItself_LeavesNoMark(t *testing.T) {
	w := oneWorld(t)
	superseded, pruned := w.invoiceIn(Rejected), w.invoiceIn(Rejected)
	ref := refusedDoc(sellerA, "x.xml")
	w.must(w.Refuse(ctx(), []Refusal{ref}))
	_, err := w.MarkSeen(ctx(), "anna K.", superseded.NameOfOpen(), pruned.NameOfOpen(), ref.NameOfOpen())
	w.must(err)
	w.move(superseded, Superseded)
	w.millis.Add(time.Hour.Milliseconds())
	if n, err := w.Prune(ctx(), time.Minute, 10); n != 2 || err != nil {
		t.Errorf("Prune forgot %d invoices (error %v), want 2", n, err)
	}
	if n, err := w.PruneRefusals(ctx(), time.Minute, 10); n != 1 || err != nil {
		t.Errorf("PruneRefusals forgot %d refusals (error %v), want 1", n, err)
	}
	if n := w.rdb.Exists(ctx(), w.key(keySeen)).Val(); n != 0 {
		t.Error("marks are left of items that are gone")
	}
}

// Another program has overwritten the key of the marks. No item has a mark then, and items can
// still be closed.
func TestMarkSeen_KeyIsOfAnotherType_TheRestGoesOn(t *testing.T) {
	w := oneWorld(t)
	inv, ref := w.invoiceIn(Rejected), refusedDoc(sellerA, "x.xml")
	w.must(w.Refuse(ctx(), []Refusal{ref}))
	w.must(w.rdb.Set(ctx(), w.key(keySeen), "x", 0).Err())
	if marks, err := w.SeenOf(ctx(), inv.NameOfOpen()); err != nil || marks[0] != (Seen{}) {
		t.Errorf("marks are %+v (error %v), want none", marks, err)
	}
	w.move(inv, Dismissed)
	w.must(w.DismissRefusal(ctx(), ref.ID, Dismissal{By: "jan", Reason: "x"}))
	sick, err := w.SickKeys(ctx())
	if err != nil || len(sick) != 1 || sick[0].Key != keySeen {
		t.Errorf("the sick keys are %+v (error %v), want the key of the marks", sick, err)
	}
	w.must(w.rdb.Del(ctx(), w.key(keySeen)).Err())
}
