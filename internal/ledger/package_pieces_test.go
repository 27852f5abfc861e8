package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// uploadedOf makes a package of n invoices whose parts were all uploaded.
func (w *world) uploadedOf(n int) Package {
	w.t.Helper()
	manyWaiting(w, n, distinct)
	p := w.cut(groupA, CutLimits{n, much})
	w.step(&p, PackageOpened)
	w.step(&p, PackageUploaded)
	return p
}

// dies makes the nth call of a script fail, as if the process had died before it.
func (w *world) dies(s *redis.Script, n int) (killed error) {
	killed = errors.New("killed")
	w.rdb.AddHook(&beforePiece{script: s, n: n, act: func() error { return killed }})
	return killed
}

// count counts the invoices that a package holds, by state.
func (w *world) count(pkg string) map[State]int {
	w.t.Helper()
	held, err := w.Held(ctx(), pkg)
	w.must(err)
	by := map[State]int{}
	for _, inv := range held {
		if inv.Package == pkg || inv.State == Queued {
			by[inv.State]++
		}
	}
	return by
}

func closingOf(p Package) PackageMove {
	return PackageMove{To: PackageClosing, InvoicesFrom: []State{Packed}, InvoicesTo: Sending, InvoicesEdit: Edit{}.InSession(p.Session)}
}

func TestMovePackage_MoreThanAPiece_EveryInvoiceFollowsAndEveryPieceIsARevision(t *testing.T) {
	w := oneWorld(t)
	const n = 2*packagePiece + 3
	p := w.uploadedOf(n)
	before := p.Rev
	w.must(w.MovePackage(ctx(), &p, closingOf(p)))
	if by := w.count(p.ID); by[Sending] != n || p.State != PackageClosing || p.Rev != before+3 {
		t.Errorf("the invoices are %v, the package is %s at revision %d, it was at %d: want all sending and three more revisions",
			by, p.State, p.Rev, before)
	}
	w.must(w.MovePackage(ctx(), &p, PackageMove{To: PackageProcessing, InvoicesFrom: []State{Sending, Unknown}, InvoicesTo: Sent}))
	if by := w.count(p.ID); by[Sent] != n {
		t.Errorf("invoices by state: %v, want all sent", by)
	}
	if got := w.readPackage(p.ID); got.Rev != p.Rev || got.State != p.State {
		t.Errorf("the copy is %s at revision %d, the entry %s at %d: want them the same", p.State, p.Rev, got.State, got.Rev)
	}
	w.audit()
}

func TestMovePackage_ProcessDiesBetweenPieces_ThePackageIsClosingAndTheRestFollowsOnce(t *testing.T) {
	w := oneWorld(t)
	const n = 3 * packagePiece
	p := w.uploadedOf(n)
	dead := p
	killed := w.dies(packageScript, 3)
	if err := w.MovePackage(ctx(), &dead, closingOf(p)); !errors.Is(err, killed) {
		t.Fatal(err)
	}
	w.audit()
	p = w.readPackage(p.ID)
	if by := w.count(p.ID); p.State != PackageClosing || by[Sending] != 2*packagePiece || by[Packed] != packagePiece {
		t.Fatalf("the package is %s, its invoices by state are %v: want it closing, two pieces sending and one packed", p.State, by)
	}
	w.conflict(w.MovePackage(ctx(), &Package{ID: p.ID, State: PackageUploaded, Rev: dead.Rev}, PackageMove{To: PackageAbandoned}))
	w.must(w.MoveRest(ctx(), &p, closingOf(p)))
	held, err := w.Held(ctx(), p.ID)
	w.must(err)
	for _, inv := range held {
		if inv.State != Sending || inv.Attempts != 1 || inv.Session != p.Session {
			t.Fatalf("%s is %s in session %q after %d attempts, want it sending in the package's session, once",
				inv.ID, inv.State, inv.Session, inv.Attempts)
		}
	}
	// The first process was thought dead but goes on. It has lost the right to act.
	w.conflict(w.MoveRest(ctx(), &dead, closingOf(p)))
	w.audit()
}

func TestMovePackage_ThePackageMovesBetweenPieces_IsAConflictAndTheRestStays(t *testing.T) {
	w := oneWorld(t)
	p := w.uploadedOf(2 * packagePiece)
	w.rdb.AddHook(&beforePiece{script: packageScript, n: 2, act: func() error {
		other := w.readPackage(p.ID)
		w.must(w.MovePackage(ctx(), &other, PackageMove{To: PackageProcessing}))
		return nil
	}})
	c := w.conflict(w.MovePackage(ctx(), &p, closingOf(p)))
	if by := w.count(p.ID); c.State != string(PackageProcessing) || by[Sending] != packagePiece || by[Packed] != packagePiece {
		t.Errorf("the conflict is %+v and the invoices are %v, want one piece sending and one still packed", c, by)
	}
	w.audit()
}

// Before close is called, the replicas must have the last piece of the move, and not only the first
// piece.
func TestMovePackage_ReplicaIsLostBetweenPieces_IsToldAndSecureOnceItIsBack(t *testing.T) {
	r := newReplicated(t)
	const n = packagePiece + 1
	p := r.uploadedOf(n)
	var back func()
	r.rdb.AddHook(&beforePiece{script: packageScript, n: 2, act: func() error { back = r.lost(); return nil }})
	l := r.patient(100 * time.Millisecond)
	lags(t, "closing", l.MovePackage(ctx(), &p, closingOf(p)))
	if by := r.count(p.ID); by[Sending] != n || p.State != PackageClosing {
		t.Errorf("the package is %s, its invoices by state are %v: want it closing and all of them sending", p.State, by)
	}
	back()
	r.must(r.Secure(ctx(), &p))
	members, err := r.Members(ctx(), p.ID)
	r.must(err)
	if got := r.has("inv:", members[n-1], "state"); got != "sending" {
		t.Errorf("after Secure the replica has the last invoice as %q, want sending", got)
	}
}

// Each piece makes a new revision of the package. So a master that lacks the last piece also lacks
// the last revision, and the next change is a conflict.
func TestMovePackage_TheLastPieceIsForgottenInAFailover_IsAConflictBeforeCloseIsCalled(t *testing.T) {
	r := newReplicated(t)
	p := r.uploadedOf(2*packagePiece + 1)
	had := map[string]string{}
	r.rdb.AddHook(&beforePiece{script: packageScript, n: 3, act: func() error {
		for _, key := range r.rdb.Keys(ctx(), "w:*").Val() {
			had[key] = r.rdb.Dump(ctx(), key).Val()
		}
		return nil
	}})
	if err := r.MovePackage(ctx(), &p, closingOf(p)); err != nil {
		t.Fatal(err)
	}
	for key, value := range had {
		r.must(r.rdb.RestoreReplace(ctx(), key, 0, value).Err())
	}
	r.conflict(r.Secure(ctx(), &p))
}

func TestMovePackage_GivenUpAndTheProcessDiesBetweenPieces_NoneIsInTwoSessionsAndTheRestWaitsOnce(t *testing.T) {
	w := oneWorld(t)
	const n = 2*packagePiece + 1
	p := w.uploadedOf(n)
	up := PackageMove{To: PackageAbandoned, InvoicesFrom: []State{Packed}, InvoicesTo: Queued,
		InvoicesGroup: groupA.Name(), InvoicesEdit: Edit{}.OutOfPackage()}
	killed := w.dies(packageScript, 2)
	if err := w.MovePackage(ctx(), &p, up); !errors.Is(err, killed) {
		t.Fatal(err)
	}
	p = w.readPackage(p.ID)
	if p.State != PackageAbandoned { // the first piece does this, so that nobody closes the session
		t.Fatalf("the package is %s, want abandoned before anything else", p.State)
	}
	w.must(w.MoveRest(ctx(), &p, up))
	waits, err := w.Waits(ctx())
	w.must(err)
	if len(waits) != 1 || waits[0].Count != n {
		t.Errorf("the waiting sets are %+v, want one with all invoices of the abandoned package", waits)
	}
	w.audit()
}

// refusedOf makes a package of n invoices in the state closing, in which KSeF may refuse its
// session. It returns the ids of the invoices, too.
func (w *world) refusedOf(n int) (Package, []string) {
	w.t.Helper()
	p := w.uploadedOf(n)
	w.step(&p, PackageClosing)
	ids, err := w.Members(ctx(), p.ID)
	w.must(err)
	return p, ids
}

func TestRepack_MoreThanAPiece_EveryInvoiceIsInItsPartInItsOrder(t *testing.T) {
	w := oneWorld(t)
	const n, half = 4*packagePiece + 5, 2*packagePiece + 2
	p, ids := w.refusedOf(n)
	w.must(w.Repack(ctx(), &p, PackageFailed, "refused", []Part{
		{ID: "pkg-x", Refusals: 2, Rest: "pkg-y", IDs: ids[:half]}, {ID: "pkg-y", Refusals: 2, Probe: "pkg-x", IDs: ids[half:]}}))
	if got := w.readPackage(p.ID); got.State != PackageFailed || got.Rev != p.Rev || got.Reason != "refused" {
		t.Errorf("the old package is %+v, want it failed, with the reason", got)
	}
	for id, want := range map[string][]string{"pkg-x": ids[:half], "pkg-y": ids[half:]} {
		got := w.readPackage(id)
		members, err := w.Members(ctx(), id)
		w.must(err)
		if got.State != PackageCut || got.Count != len(want) || got.Size != int64(10*len(want)) || got.Refusals != 2 ||
			got.Parent != p.ID || got.Reason != "" || len(members) != len(want) || members[len(want)-1] != want[len(want)-1] {
			t.Errorf("%s is %+v and lists %d invoices, want it cut from %s, with %d invoices in order, 2 refusals and no reason",
				id, got, len(members), p.ID, len(want))
		}
	}
	if x, y := w.readPackage("pkg-x"), w.readPackage("pkg-y"); x.Rest != "pkg-y" || y.Probe != "pkg-x" {
		t.Errorf("the new packages are %+v and %+v, want that each names the other", x, y)
	}
	w.audit()
}

func TestRepack_ProcessDiesBetweenPieces_EachInvoiceIsInOnePackageAndNobodyClosesTheOldSession(t *testing.T) {
	w := oneWorld(t)
	const n = 3 * packagePiece
	p, ids := w.refusedOf(n)
	killed := w.dies(repackScript, 3)
	if err := w.Repack(ctx(), &p, PackageFailed, "refused", []Part{{ID: "pkg-x", IDs: ids}}); !errors.Is(err, killed) {
		t.Fatal(err)
	}
	w.audit()
	p = w.readPackage(p.ID)
	if by := w.count(p.ID); p.State != PackageProcessing || by[Sending] != packagePiece {
		t.Fatalf("the old package is %+v with the invoices %v, want it processing, with one piece left", p, by)
	}
	if x := w.readPackage("pkg-x"); x.State != PackageCut || x.Count != 2*packagePiece || w.count("pkg-x")[Packed] != x.Count {
		t.Fatalf("the new package is %+v, want it cut, with two pieces", x)
	}
	w.must(w.Repack(ctx(), &p, PackageFailed, "refused", []Part{{ID: "pkg-y", IDs: ids}}))
	if y := w.readPackage("pkg-y"); y.Count != packagePiece {
		t.Errorf("the second new package is %+v, want one piece in it", y)
	}
	w.audit()
}

// The sweep lets a worker open the new package while the worker that fills it is suspended.
func TestRepack_TheNewPackageIsOpenedBetweenPieces_NothingIsAddedToIt(t *testing.T) {
	w := oneWorld(t)
	p, ids := w.refusedOf(2 * packagePiece)
	w.rdb.AddHook(&beforePiece{script: repackScript, n: 2, act: func() error {
		x := w.readPackage("pkg-x")
		w.step(&x, PackageOpened)
		return nil
	}})
	w.conflict(w.Repack(ctx(), &p, PackageFailed, "refused", []Part{{ID: "pkg-x", IDs: ids}}))
	if x := w.readPackage("pkg-x"); x.State != PackageOpened || x.Count != packagePiece {
		t.Errorf("the new package is %+v, want it opened, with only the first piece", x)
	}
	w.audit()
}

// Apply moves invoices and does not change the revision of their package. So the revision does not
// show whether these moves were lost. A caller that changes the package afterwards therefore names
// the life of Redis in which it moved the invoices.
func TestWithin_RedisBeganAnotherLife_EveryChangeOfThePackageIsAConflict(t *testing.T) {
	w := oneWorld(t)
	p, ids := w.refusedOf(2)
	life, err := w.Life(ctx())
	w.must(err)
	for _, within := range []string{life, ""} {
		p.Within = within
		w.must(w.MovePackage(ctx(), &p, PackageMove{Edit: PackageEdit{}.Listed()}))
	}
	p.Within = "another"
	c := w.conflict(w.MovePackage(ctx(), &p, PackageMove{To: PackageProcessing}))
	if !strings.Contains(c.Error(), "failed over since") {
		t.Error("the conflict does not say that Redis has failed over since:", c)
	}
	w.conflict(w.Repack(ctx(), &p, PackageFailed, "refused", []Part{{ID: "pkg-x", IDs: ids}}))
	p.Within = life
	w.must(w.Repack(ctx(), &p, PackageFailed, "refused", []Part{{ID: "pkg-x", IDs: ids}}))
	w.audit()
}
