package ledger

import "testing"

func TestHold_LastsUntilItIsReleased(t *testing.T) {
	w := oneWorld(t)
	if all, err := w.Holds(ctx()); err != nil || len(all) != 0 {
		t.Fatalf("an empty ledger has the holds %v (error %v), want none", all, err)
	}
	w.must(w.Hold(ctx(), "a", Hold{Kind: Paused, By: "anna", Why: "key expired"}))
	w.must(w.Hold(ctx(), "b", Hold{Kind: Paused, By: "jan"}))
	w.must(w.Hold(ctx(), "b", Hold{Kind: Draining, By: "jan"}))
	all, err := w.Holds(ctx())
	w.must(err)
	a, b := all["a"], all["b"]
	if len(all) != 2 || a.Kind != Paused || a.By != "anna" || a.Why != "key expired" || a.Since == 0 || b.Kind != Draining {
		t.Errorf("the holds are %+v, want a paused by anna with her reason and a time, and b draining", all)
	}
	for _, want := range []bool{true, false} {
		if was, err := w.Release(ctx(), "a"); err != nil || was != want {
			t.Errorf("Release reports %v (error %v), want %v", was, err, want)
		}
	}
	// A hold that a newer build wrote, or that is damaged, pauses the tenant, because somebody
	// meant to hold the tenant back.
	w.must(w.rdb.HSet(ctx(), w.key("holds"), "c", `{"kind":"halved"}`, "d", "?").Err())
	all, err = w.Holds(ctx())
	w.must(err)
	if all["c"].Kind != Paused || all["d"].Kind != Paused {
		t.Errorf("holds that cannot be read are %+v, want pauses", all)
	}
}

// A damaged key must not stop every tenant.
func TestHolds_KeyHoldsSomethingElse_NobodyIsHeld(t *testing.T) {
	w := oneWorld(t)
	w.must(w.rdb.Set(ctx(), w.key("holds"), "x", 0).Err())
	if all, err := w.Holds(ctx()); err != nil || len(all) != 0 {
		t.Errorf("the holds are %v (error %v), want none", all, err)
	}
}
