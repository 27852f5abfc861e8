package ledger

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const much = 1 << 40

// wait takes in an invoice and puts it into its waiting set. hours is the legal deadline in hours
// after noon.
func (w *world) wait(number, kind string, hours int, size int64) Invoice {
	w.t.Helper()
	doc := document(sellerA, kind, number, "x")
	doc.Deadline, doc.Size = At(noon.Add(time.Duration(hours)*time.Hour)), size
	inv := w.take(doc)[0]
	w.must(w.Wait(ctx(), &inv))
	return w.again(inv)
}

func (w *world) numbers(ids []string) []string {
	w.t.Helper()
	var out []string
	for _, inv := range w.read(ids...) {
		out = append(out, inv.Number)
	}
	return out
}

func TestCut_TakesTheMostUrgent(t *testing.T) {
	w := oneWorld(t)
	for i, hours := range []int{50, 10, 40, 20, 30} {
		w.wait(fmt.Sprint("n", hours), "VAT", hours, int64(100+i))
	}
	ids, err := w.Cut(ctx(), "pkg-x", groupA, CutLimits{Invoices: 3, Bytes: much})
	w.must(err)
	if got := w.numbers(ids); !slices.Equal(got, []string{"n10", "n20", "n30"}) {
		t.Errorf("took %v, want the three most urgent", got)
	}
	p := w.readPackage("pkg-x")
	want := Package{
		V: Version, ID: "pkg-x", Rev: 1, State: PackageCut, Lane: Bulk, Tenant: sellerA, Form: "v3",
		Count: 3, Size: 101 + 103 + 104,
		Deadline: At(noon.Add(10 * time.Hour)), CreatedAt: p.CreatedAt, UpdatedAt: p.CreatedAt,
	}
	if d := cmp.Diff(want, p); d != "" {
		t.Error(d)
	}
	for _, inv := range w.read(ids...) {
		if inv.State != Packed || inv.Package != "pkg-x" || inv.Group != "" {
			t.Errorf("%s is %s in package %q, group %q: want it packed in pkg-x and in no group",
				inv.Number, inv.State, inv.Package, inv.Group)
		}
	}
	waits, err := w.Waits(ctx())
	w.must(err)
	if len(waits) != 1 || waits[0].Count != 2 || waits[0].Bytes != 102+100 || !waits[0].Deadline.Equal(noon.Add(40*time.Hour)) {
		t.Errorf("%+v still wait, want the two less urgent invoices", waits)
	}
}

func TestCut_Limits_BoundThePackage(t *testing.T) {
	next := worlds(t)
	for name, c := range map[string]struct {
		sizes []int64
		lim   CutLimits
		want  int
	}{
		"the count is a bound":                                {[]int64{1, 1, 1}, CutLimits{2, much}, 2},
		"one invoice at a time":                               {[]int64{1, 1, 1}, CutLimits{1, much}, 1},
		"a count that is not reached takes all":               {[]int64{1, 1, 1}, CutLimits{3, much}, 3},
		"the size may be reached exactly":                     {[]int64{40, 60, 1}, CutLimits{9, 100}, 2},
		"the size is not exceeded by a byte":                  {[]int64{40, 61, 1}, CutLimits{9, 100}, 1},
		"an invoice above the limit is taken by itself":       {[]int64{101, 1}, CutLimits{9, 100}, 1},
		"a large invoice that no longer fits is left waiting": {[]int64{1, 100, 1}, CutLimits{9, 100}, 1},
		"no invoices allowed takes nothing":                   {[]int64{1}, CutLimits{0, 100}, 0},
		"no bytes allowed takes nothing":                      {[]int64{1}, CutLimits{9, 0}, 0},
		"a negative count takes nothing":                      {[]int64{1, 1, 1}, CutLimits{-1, 100}, 0},
		"nothing waits":                                       {nil, CutLimits{9, 100}, 0},
		"sizes above 32 bits are added exactly":               {[]int64{2_499_999_999, 2_500_000_001, 1}, CutLimits{9, 5_000_000_000}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := next(t)
			for i, size := range c.sizes {
				w.wait(fmt.Sprint("n", i), "VAT", i+1, size)
			}
			var ids []string
			var err error
			cut := func() { ids, err = w.Cut(ctx(), "pkg-x", groupA, c.lim) }
			if c.want == 0 {
				w.unchanged(cut)
			} else {
				cut()
			}
			w.must(err)
			if len(ids) != c.want {
				t.Errorf("took %d invoices, want %d", len(ids), c.want)
			}
			if c.want > 0 {
				var size int64
				for _, s := range c.sizes[:c.want] {
					size += s
				}
				if p := w.readPackage("pkg-x"); p.Size != size || p.Count != c.want {
					t.Errorf("the package has %d invoices and %d bytes, want %d and %d", p.Count, p.Size, c.want, size)
				}
			}
		})
	}
}

func TestCut_SameNumberTwice_TheSecondWaitsForTheNextPackage(t *testing.T) {
	w := oneWorld(t)
	w.wait("1", "VAT", 1, 10)
	w.wait("1", "KOR", 2, 10)
	w.wait("1", "ROZ", 3, 10)
	w.wait("2", "VAT", 4, 10)
	for _, want := range [][]string{{"1", "2"}, {"1"}, {"1"}} {
		p := w.cut(groupA, CutLimits{Invoices: 10, Bytes: much})
		ids, err := w.Members(ctx(), p.ID)
		w.must(err)
		if got := w.numbers(ids); !slices.Equal(got, want) {
			t.Errorf("%s has invoices with the numbers %v, want %v", p.ID, got, want)
		}
		w.audit()
	}
}

func TestCut_ExistingPackageID_IsAnErrorAndWritesNothing(t *testing.T) {
	w := oneWorld(t)
	p := w.packed(1)
	w.waiting(1)
	w.unchanged(func() {
		if _, err := w.Cut(ctx(), p.ID, groupA, CutLimits{9, much}); err == nil {
			t.Error("a second package was made with an id that exists")
		}
		if _, err := w.OpenOnline(ctx(), Package{ID: p.ID, Tenant: sellerA, Session: "s", Owner: "me"}); err == nil {
			t.Error("an online session took the id of a package")
		}
	})
}

func TestCut_EntriesGoneOrMovedByHand_NeitherBlockNorCount(t *testing.T) {
	w := oneWorld(t)
	gone, moved, sound := w.wait("1", "VAT", 1, 10), w.wait("2", "VAT", 2, 20), w.wait("3", "VAT", 3, 30)
	w.must(w.rdb.HSet(ctx(), w.prefix+"inv:"+moved.ID, "group", "").Err())
	w.must(w.rdb.Del(ctx(), w.prefix+"inv:"+gone.ID, w.prefix+"ident:"+Identity{gone.NIP, gone.Kind, gone.Number}.digest()).Err())
	w.must(w.rdb.ZRem(ctx(), w.prefix+"due", gone.ID).Err())
	w.must(w.rdb.ZRem(ctx(), w.prefix+"st:queued", gone.ID).Err())
	ids, err := w.Cut(ctx(), "pkg-x", groupA, CutLimits{9, much})
	w.must(err)
	if !slices.Equal(ids, []string{sound.ID}) {
		t.Errorf("took %v, want only %s", ids, sound.ID)
	}
	if waits, err := w.Waits(ctx()); err != nil || len(waits) != 0 {
		t.Errorf("%+v still wait (error %v), want nothing", waits, err)
	}
	w.wait("4", "VAT", 1, 40)
	if waits, err := w.Waits(ctx()); err != nil || len(waits) != 1 || waits[0].Bytes != 40 {
		t.Errorf("the waiting sets are %+v (error %v), want one with the 40 bytes of the new invoice only", waits, err)
	}
}

func TestCut_Groups_AreKeptApart(t *testing.T) {
	w := oneWorld(t)
	groups := []Group{{sellerA, "v3", false}, {sellerA, "v3", true}, {sellerA, "v2", false}, {sellerB, "v3", false}}
	for i, g := range groups {
		doc := document(g.Tenant, "VAT", fmt.Sprint("n", i), "x")
		doc.Form, doc.Offline = g.Form, g.Offline
		inv := w.take(doc)[0]
		w.must(w.Wait(ctx(), &inv))
	}
	if waits, err := w.Waits(ctx()); err != nil || len(waits) != len(groups) {
		t.Fatalf("%d groups wait (error %v), want each of them", len(waits), err)
	}
	for i, g := range groups {
		ids, err := w.Cut(ctx(), fmt.Sprint("pkg-", i), g, CutLimits{9, much})
		w.must(err)
		if got := w.numbers(ids); !slices.Equal(got, []string{fmt.Sprint("n", i)}) {
			t.Errorf("the package of %s has the invoices %v, want only those of its group", g.Name(), got)
		}
		if p := w.readPackage(fmt.Sprint("pkg-", i)); p.Tenant != g.Tenant || p.Form != g.Form || p.Offline != g.Offline {
			t.Errorf("%s: the package has tenant %s, form %s, offline %v: want those of the group", g.Name(), p.Tenant, p.Form, p.Offline)
		}
	}
}

func TestCut_ManyAtOnce_NoInvoiceIsInTwoPackages(t *testing.T) {
	w := oneWorld(t)
	docs := make([]NewInvoice, 500)
	for i := range docs {
		docs[i] = w.fresh()
	}
	var moves []Move
	for _, inv := range w.take(docs...) {
		moves = append(moves, Move{ID: inv.ID, Rev: inv.Rev, From: []State{Queued}, To: Queued, Group: groupA.Name()})
	}
	if errs, err := w.Apply(ctx(), moves); err != nil || slices.ContainsFunc(errs, func(e error) bool { return e != nil }) {
		t.Fatal("want every move made; the errors of the moves and of the call are", errs, err)
	}
	var mu sync.Mutex
	owner := map[string]string{}
	var wg sync.WaitGroup
	for c := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				pkg := fmt.Sprintf("pkg-%d-%d", c, n)
				ids, err := w.Cut(ctx(), pkg, groupA, CutLimits{17, much})
				if err != nil || len(ids) == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				for _, id := range ids {
					if owner[id] != "" {
						t.Errorf("%s is in both %s and %s", id, owner[id], pkg)
					}
					owner[id] = pkg
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(owner) != len(docs) {
		t.Errorf("%d invoices are in packages, want %d", len(owner), len(docs))
	}
}
