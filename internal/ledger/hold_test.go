package ledger

import "testing"

func TestHold_IsKeptUntilItIsTakenBack(t *testing.T) {
	w := oneWorld(t)
	if all, err := w.Holds(ctx()); err != nil || len(all) != 0 {
		t.Fatalf("%v, %v", all, err)
	}
	w.must(w.Hold(ctx(), "a", Hold{Kind: Paused, By: "anna", Why: "key expired"}))
	w.must(w.Hold(ctx(), "b", Hold{Kind: Paused, By: "jan"}))
	w.must(w.Hold(ctx(), "b", Hold{Kind: Draining, By: "jan"}))
	all, err := w.Holds(ctx())
	w.must(err)
	if a, b := all["a"], all["b"]; len(all) != 2 || a.Kind != Paused || a.By != "anna" || a.Why != "key expired" || a.Since == 0 || b.Kind != Draining {
		t.Errorf("%+v", all)
	}
	for _, want := range []bool{true, false} {
		if was, err := w.Release(ctx(), "a"); err != nil || was != want {
			t.Errorf("released: %v, %v, want %v", was, err, want)
		}
	}
	// One that a newer build wrote, or damaged, holds the tenant: it was not meant to go on.
	w.must(w.rdb.HSet(ctx(), w.key("holds"), "c", `{"kind":"halved"}`, "d", "?").Err())
	all, err = w.Holds(ctx())
	w.must(err)
	if all["c"].Kind != Paused || all["d"].Kind != Paused {
		t.Errorf("%+v", all)
	}
}
