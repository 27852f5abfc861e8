package ledger

import (
	"slices"
	"testing"
	"time"
)

// pruneBefore prunes with a retention that reaches back to t.
func (w *world) pruneBefore(t time.Time, limit int) (int, error) {
	return w.Prune(ctx(), time.UnixMilli(w.millis.Load()+1).Sub(t), limit)
}

func TestPrune_ForgetsWhatEndedLongAgo_AndLeavesNoKeyOfIt(t *testing.T) {
	next := worlds(t)
	for _, s := range States() {
		t.Run(string(s), func(t *testing.T) {
			w := next(t)
			inv := w.lead(w.take(w.fresh())[0], s)
			changed := inv.UpdatedAt.Time()
			w.unchanged(func() {
				if n, err := w.pruneBefore(changed, 100); n != 0 || err != nil {
					t.Errorf("Prune up to the time of the last change forgot %d entries (error %v), want none", n, err)
				}
			})
			prune := func() int {
				n, err := w.pruneBefore(changed.Add(time.Millisecond), 100)
				w.must(err)
				return n
			}
			if !slices.Contains([]State{Receipted, Rejected, Dismissed, Superseded}, s) {
				w.unchanged(func() {
					if n := prune(); n != 0 {
						t.Errorf("Prune forgot %d entries that may not be forgotten yet", n)
					}
				})
				return
			}
			if n := prune(); n != 1 {
				t.Errorf("Prune forgot %d entries, want 1", n)
			}
			left := snapshotOf(t, w.rdb, w.prefix)
			delete(left.Hashes, "pkg:"+inv.Package) // the session that the invoice was in is still open
			delete(left.Sorted, "pkginv:"+inv.Package)
			delete(left.Sorted, "pst:opened")
			delete(left.Sets, "sellers") // sellers are few, and are kept
			delete(left.Hashes, "shapes")
			delete(left.Strings, "home")
			if n := len(left.Hashes) + len(left.Sorted) + len(left.Sets) + len(left.Strings); n != 0 {
				t.Errorf("the pruned invoice has left behind %+v", left)
			}
			w.must(w.rdb.Del(ctx(), w.prefix+"pkginv:"+inv.Package, w.prefix+"pkg:"+inv.Package, w.prefix+"pst:opened").Err())
			w.millis.Add(time.Minute.Milliseconds())
			if got := w.take(document(inv.NIP, inv.Kind, inv.Number, "first"))[0]; got.ID != inv.ID || !got.Fresh() || got.Rev <= inv.Rev {
				t.Errorf("handed in again, the invoice is %s at revision %d, want it fresh, with the id %s and a revision above %d",
					got.ID, got.Rev, inv.ID, inv.Rev)
			}
		})
	}
}

func TestPrune_PackagesThatAreOver_Go_LiveOnesStay(t *testing.T) {
	next := worlds(t)
	for _, s := range PackageStates() {
		t.Run(string(s), func(t *testing.T) {
			w := next(t)
			p := w.packageIn(s)
			_, err := w.pruneBefore(noon.Add(time.Hour), 100)
			w.must(err)
			if _, err := w.Package(ctx(), p.ID); (err == nil) != s.Live() {
				t.Errorf("after Prune, reading a %s package gives %v: want only live ones left", s, err)
			}
		})
	}
}

func TestPrune_Limit_BoundsEachCall(t *testing.T) {
	w := oneWorld(t)
	for range 5 {
		w.invoiceIn(Rejected)
	}
	for _, want := range []int{2, 2, 1, 0} {
		if n, err := w.pruneBefore(noon.Add(time.Hour), 2); n != want || err != nil {
			t.Errorf("Prune forgot %d invoices (error %v), want %d", n, err, want)
		}
	}
}

func TestPrune_MoreThanAPiece_AllAreForgottenUpToTheLimit(t *testing.T) {
	w := oneWorld(t)
	const n = 2*prunePiece + 30
	for _, inv := range w.take(w.documents(n)...) {
		w.move(inv, Rejected)
	}
	later := w.millis.Load() + 1000
	for _, c := range []struct{ limit, want int }{{prunePiece + 10, prunePiece + 10}, {n, n - prunePiece - 10}, {n, 0}} {
		gone, err := w.pruneBefore(time.UnixMilli(later), c.limit)
		if w.must(err); gone != c.want {
			t.Errorf("with a limit of %d Prune forgot %d entries, want %d", c.limit, gone, c.want)
		}
	}
}

// An entry that a newer build has written stays, together with everything that refers to it. Only
// the newer build knows whether the entry may be forgotten.
func TestPrune_EntryOfANewerBuild_KeepsItsIdentity(t *testing.T) {
	w := oneWorld(t)
	inv := w.lead(w.take(w.fresh())[0], Rejected)
	ident := Identity{inv.NIP, inv.Kind, inv.Number}.digest()
	entry := w.key(keyInvoice, inv.ID)
	facts := w.rdb.HGet(ctx(), entry, "facts").Val()
	w.must(w.rdb.HSet(ctx(), entry, "facts", `{"v":9,"ident":"`+ident+`"}`).Err())
	defer w.rdb.HSet(ctx(), entry, "facts", facts)
	w.unchanged(func() {
		if n, err := w.pruneBefore(inv.UpdatedAt.Time().Add(time.Millisecond), 100); n != 0 || err != nil {
			t.Errorf("Prune forgot %d entries (error %v), want none", n, err)
		}
	})
}
