package ledger

import "testing"

// A damaged key must not stop every tenant: nobody is held by it.
func TestHolds_KeyHoldsSomethingElse_NobodyIsHeld(t *testing.T) {
	w := oneWorld(t)
	w.must(w.rdb.Set(ctx(), w.key("holds"), "x", 0).Err())
	if all, err := w.Holds(ctx()); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}
