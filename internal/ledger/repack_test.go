package ledger

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRepack_PutsPendingInvoicesIntoNewPackages_AndLeavesTheDecided(t *testing.T) {
	w := oneWorld(t)
	p := w.packed(5)
	for _, s := range packagePath[1:5] {
		w.step(&p, s)
	}
	ids, err := w.Members(ctx(), p.ID)
	w.must(err)
	accepted := w.move(w.read(ids[0])[0], Accepted)
	stale := p
	w.must(w.Repack(ctx(), &p, PackageFailed, "session ended with 405", []Part{
		{ID: "pkg-x", Refusals: 2, IDs: ids[:3]}, {ID: "pkg-y", Refusals: 3, IDs: ids[3:]},
	}))
	if p.State != PackageFailed || p.Rev != stale.Rev+1 {
		t.Errorf("the caller's copy is %s at revision %d, want failed, one revision later", p.State, p.Rev)
	}
	if got := w.readPackage(p.ID); got.State != PackageFailed || got.Reason != "session ended with 405" || got.Rev != p.Rev {
		t.Errorf("the old package is %+v, want it failed, with the reason", got)
	}
	for id, want := range map[string]struct{ count, refusals int }{"pkg-x": {2, 2}, "pkg-y": {2, 3}} {
		got := w.readPackage(id)
		expect := Package{
			V: Version, ID: id, Rev: 1, State: PackageCut, Lane: Bulk, Tenant: sellerA, Form: "v3",
			Count: want.count, Size: int64(want.count) * 1000, Refusals: want.refusals, Parent: p.ID,
			Deadline: got.Deadline, CreatedAt: got.CreatedAt, UpdatedAt: got.CreatedAt,
		}
		if d := cmp.Diff(expect, got); d != "" || got.Deadline != accepted.Deadline {
			t.Error(d)
		}
		held, err := w.Held(ctx(), id)
		w.must(err)
		if len(held) != want.count {
			t.Errorf("package %s holds %d invoices, want those of its part that are not decided", id, len(held))
		}
		for _, inv := range held {
			if inv.State != Packed || inv.Session != "" {
				t.Errorf("%s is %s in session %q, want it packed and in no session", inv.ID, inv.State, inv.Session)
			}
		}
	}
	if d := cmp.Diff(accepted, w.again(accepted)); d != "" {
		t.Errorf("the accepted invoice has changed:\n%s", d)
	}
	w.unchanged(func() {
		w.conflict(w.Repack(ctx(), &stale, PackageFailed, "again", []Part{{ID: "pkg-z", Refusals: 1, IDs: ids}}))
	})
}

func TestRepack_WrongPremise_WritesNothing(t *testing.T) {
	next := worlds(t)
	for _, s := range PackageStates() {
		t.Run(string(s), func(t *testing.T) {
			w := next(t)
			p := w.packageIn(s)
			ids, err := w.Members(ctx(), p.ID)
			w.must(err)
			for _, end := range PackageStates() {
				part := []Part{{ID: "pkg-x", Refusals: 1, IDs: ids}}
				if !MayMovePackage(s, end) {
					w.unchanged(func() {
						if err := w.Repack(ctx(), &p, end, "r", part); err == nil {
							t.Errorf("a package that is %s was ended as %s", s, end)
						}
					})
					continue
				}
				stale := p
				stale.Rev++
				w.unchanged(func() { w.conflict(w.Repack(ctx(), &stale, end, "r", part)) })
				if end == PackageAbandoned || end == PackageFailed {
					w.unchanged(func() {
						if err := w.Repack(ctx(), &p, end, "r", []Part{{ID: p.ID, Refusals: 1, IDs: ids}}); err == nil {
							t.Errorf("a package that is %s was repacked into itself", s)
						}
					})
					other := w.online()
					w.unchanged(func() {
						parts := []Part{{ID: "pkg-x", Refusals: 1, IDs: ids}, {ID: other.ID, Refusals: 1, IDs: ids}}
						if err := w.Repack(ctx(), &p, end, "r", parts); err == nil {
							t.Errorf("a package that is %s was repacked into an online session that exists", s)
						}
					})
				}
			}
		})
	}
}

func TestRepack_NothingPending_MakesNoEmptyPackage(t *testing.T) {
	w := oneWorld(t)
	p := w.packed(1)
	inv := w.move(w.heldBy(p), Parked)
	other := w.packed(1)
	foreign, err := w.Members(ctx(), other.ID)
	w.must(err)
	w.must(w.Repack(ctx(), &p, PackageAbandoned, "empty", []Part{
		{ID: "pkg-x", Refusals: 1, IDs: []string{inv.ID, foreign[0], "inv-nobody"}}, {ID: "pkg-y", Refusals: 1, IDs: nil},
	}))
	for _, id := range []string{"pkg-x", "pkg-y"} {
		if _, err := w.Package(ctx(), id); !errors.Is(err, ErrNotFound) {
			t.Errorf("reading %s gives %v, want ErrNotFound", id, err)
		}
	}
	if held, err := w.Held(ctx(), other.ID); err != nil || len(held) != 1 {
		t.Errorf("the other package holds %v (error %v), want its one invoice", held, err)
	}
}

// A probe package that gave no answer is given up. Its invoices join the package that has the rest,
// and stand behind the invoices that are already there.
func TestRepack_IntoAPackageThatIsCut_TheInvoicesJoinItsOwn(t *testing.T) {
	w := oneWorld(t)
	p := w.packed(6)
	ids, err := w.Members(ctx(), p.ID)
	w.must(err)
	w.must(w.Repack(ctx(), &p, PackageAbandoned, "split", []Part{
		{ID: "pkg-probe", Refusals: 6, Rest: "pkg-rest", IDs: ids[:2]}, {ID: "pkg-rest", Refusals: 6, Probe: "pkg-probe", IDs: ids[2:]}}))
	probe, rest := w.readPackage("pkg-probe"), w.readPackage("pkg-rest")
	if probe.Rest != rest.ID || rest.Probe != probe.ID || probe.Count != 2 || rest.Count != 4 {
		t.Fatalf("the probe is %+v and the rest %+v, want that they name each other, with 2 and 4 invoices", probe, rest)
	}
	w.must(w.Repack(ctx(), &probe, PackageAbandoned, "in vain", []Part{{ID: rest.ID, Into: true, Refusals: 7, IDs: ids[:2]}}))
	got := w.readPackage("pkg-rest")
	members, err := w.Members(ctx(), rest.ID)
	if err != nil {
		t.Fatal(err)
	}
	if want := append(slices.Clone(ids[2:]), ids[:2]...); !slices.Equal(members, want) {
		t.Errorf("pkg-rest holds %v, want %v", members, want)
	}
	if got.Count != 6 || got.Size != p.Size || got.Refusals != 7 || got.Probe != "" ||
		got.State != PackageCut || got.Rev <= rest.Rev || got.Deadline != p.Deadline {
		t.Errorf("the package is %+v, want it cut, above revision %d, with 6 invoices, %d bytes, deadline %d, 7 refusals and no probe",
			got, rest.Rev, p.Size, p.Deadline)
	}
}

// Only a package in the state cut takes more invoices. Once a package is opened, its ZIP is already
// made.
func TestRepack_IntoAPackageThatIsNotCut_IsRefusedAndChangesNothing(t *testing.T) {
	w := oneWorld(t)
	p := w.packed(4)
	ids, err := w.Members(ctx(), p.ID)
	w.must(err)
	w.must(w.Repack(ctx(), &p, PackageAbandoned, "split", []Part{{ID: "pkg-x", IDs: ids[:2]}, {ID: "pkg-y", IDs: ids[2:]}}))
	x, y := w.readPackage("pkg-x"), w.readPackage("pkg-y")
	w.must(w.MovePackage(ctx(), &y, PackageMove{To: PackageOpened}))
	w.unchanged(func() {
		w.conflict(w.Repack(ctx(), &x, PackageAbandoned, "in vain", []Part{{ID: "pkg-y", Into: true, IDs: ids[:2]}}))
		w.conflict(w.Repack(ctx(), &x, PackageAbandoned, "in vain", []Part{{ID: "pkg-nobody", Into: true, IDs: ids[:2]}}))
	})
}
