package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// legalPackageMoves repeats the table of state.go, so that nobody changes that table by mistake.
var legalPackageMoves = map[PackageState]string{
	PackageCut:        "opened settled abandoned",
	PackageOpened:     "uploaded closing settled abandoned", // closing, because an online session has nothing to upload
	PackageUploaded:   "closing settled abandoned",
	PackageClosing:    "processing failed",
	PackageProcessing: "settled failed",
	PackageSettled:    "receipted",
	PackageReceipted:  "",
	PackageAbandoned:  "",
	PackageFailed:     "",
}

func TestMayMovePackage_IsTheDesignsTable(t *testing.T) {
	for from, tos := range legalPackageMoves {
		for _, to := range PackageStates() {
			if want := slices.Contains(strings.Fields(tos), string(to)); MayMovePackage(from, to) != want {
				t.Errorf("a package may move from %s to %s: %v, want %v", from, to, !want, want)
			}
		}
	}
	for _, s := range PackageStates() {
		final := s == PackageReceipted || s == PackageAbandoned || s == PackageFailed
		if s.Live() == final {
			t.Errorf("%s: Live reports %v, want the opposite", s, s.Live())
		}
	}
}

func TestMovePackage_EveryPairOfStates_OnlyTheLegalOnesAreWritten(t *testing.T) {
	next := worlds(t)
	for _, from := range PackageStates() {
		for _, to := range PackageStates() {
			t.Run(fmt.Sprintf("%s to %s", from, to), func(t *testing.T) {
				w := next(t)
				p := w.packageIn(from)
				before := p
				m := stepOf(&p, to)
				if to == PackageSettled { // a settled package has no invoice without an outcome
					held, err := w.Held(ctx(), p.ID)
					w.must(err)
					for _, inv := range held {
						if inv.State == Sent {
							w.move(inv, Rejected)
						}
					}
				}
				if !slices.Contains(strings.Fields(legalPackageMoves[from]), string(to)) {
					w.unchanged(func() {
						if err := w.MovePackage(ctx(), &p, m); err == nil || !strings.Contains(err.Error(), "not a legal move") {
							t.Errorf("an illegal move gives %v, want a refusal that names it", err)
						}
					})
					if p != before {
						t.Errorf("the caller's copy was changed to %+v, want it unchanged", p)
					}
					return
				}
				w.must(w.MovePackage(ctx(), &p, m))
				if p.State != to || p.Rev != before.Rev+1 {
					t.Errorf("after the move the caller's copy is %s at revision %d, want the new state, one revision later",
						p.State, p.Rev)
				}
				if got := w.readPackage(p.ID); got.State != to || got.Rev != p.Rev || got.UpdatedAt <= before.UpdatedAt {
					t.Errorf("after the move the entry is %s at revision %d, changed at %d; want %s at %d, changed after %d",
						got.State, got.Rev, got.UpdatedAt, to, p.Rev, before.UpdatedAt)
				}
			})
		}
	}
}

func TestMovePackage_StaleCopy_IsAConflictAndWritesNothing(t *testing.T) {
	next := worlds(t)
	for _, actual := range PackageStates() {
		t.Run("it is "+string(actual), func(t *testing.T) {
			w := next(t)
			p := w.packageIn(actual)
			for _, believed := range PackageStates() {
				for _, to := range strings.Fields(legalPackageMoves[believed]) {
					revisions := map[string]int64{"its revision": p.Rev, "an old revision": p.Rev - 1, "a future revision": p.Rev + 1}
					for name, rev := range revisions {
						if believed == actual && rev == p.Rev {
							continue
						}
						copied := p
						copied.State, copied.Rev = believed, rev
						before := copied
						w.unchanged(func() {
							c := w.conflict(w.MovePackage(ctx(), &copied, stepOf(&copied, PackageState(to))))
							if c.ID != p.ID || c.State != string(actual) || c.Rev != p.Rev || c.To != to {
								t.Errorf("moved by a copy in state %s with %s: the conflict is %+v, want state and revision of the entry",
									believed, name, c)
							}
						})
						if copied != before {
							t.Errorf("the stale copy was changed to %+v", copied)
						}
					}
				}
			}
			w.unchanged(func() {
				nobody := Package{ID: "pkg-nobody", State: PackageCut, Rev: 1}
				if c := w.conflict(w.MovePackage(ctx(), &nobody, PackageMove{To: PackageOpened})); c.State != "" {
					t.Errorf("moving a package that does not exist gives %+v, want a conflict without a state", c)
				}
				w.conflict(w.MovePackage(ctx(), &Package{ID: p.ID}, PackageMove{Edit: PackageEdit{}.Code(1)}))
			})
		})
	}
}

func TestMovePackage_ItsInvoicesGoWithIt(t *testing.T) {
	w := oneWorld(t)
	p := w.packed(3)
	ids, err := w.Members(ctx(), p.ID)
	w.must(err)
	w.step(&p, PackageOpened)
	p = w.readPackage(p.ID)
	w.step(&p, PackageUploaded)
	// One invoice has left the package. A move of the package must not change this invoice any
	// more.
	left := w.move(w.read(ids[1])[0], Parked)
	w.step(&p, PackageClosing)
	for i, inv := range w.read(ids...) {
		switch {
		case i == 1:
			if d := cmp.Diff(left, inv); d != "" {
				t.Errorf("the parked invoice has changed (-before +after):\n%s", d)
			}
		case inv.State != Sending || inv.Session != p.Session || inv.Attempts != 1 || inv.Package != p.ID:
			t.Errorf("%s is %s in session %q after %d attempts, want it sending in the package's session, once",
				inv.ID, inv.State, inv.Session, inv.Attempts)
		}
	}
	w.audit()
	w.step(&p, PackageProcessing)
	for i, inv := range w.read(ids...) {
		if i != 1 && (inv.State != Sent || inv.Attempts != 1) {
			t.Errorf("%s is %s after %d attempts, want sent after one", inv.ID, inv.State, inv.Attempts)
		}
	}
}

func TestMovePackage_ReleasedInvoices_AreLeftToTheirNewPackage(t *testing.T) {
	w := oneWorld(t)
	old := w.packed(2)
	stale := old
	w.step(&old, PackageAbandoned)
	waits, err := w.Waits(ctx())
	w.must(err)
	if len(waits) != 1 || waits[0].Count != 2 || waits[0].Bytes != 2000 {
		t.Fatalf("the waiting sets are %+v, want one with the two invoices of the abandoned package", waits)
	}
	again := w.cut(groupA, CutLimits{9, much})
	// A worker with a stale copy of the old package cannot change these invoices any more, even by
	// a move that is legal for the state in its copy.
	w.unchanged(func() { w.conflict(w.MovePackage(ctx(), &stale, stepOf(&stale, PackageAbandoned))) })
	held, err := w.Held(ctx(), old.ID)
	w.must(err)
	if len(held) != 0 {
		t.Errorf("the abandoned package still holds %d invoices, want none", len(held))
	}
	if held, _ = w.Held(ctx(), again.ID); len(held) != 2 {
		t.Errorf("the new package holds %d invoices, want 2", len(held))
	}
	if members, _ := w.Members(ctx(), old.ID); len(members) != 2 {
		t.Errorf("the list of members of the old package has %d invoices, want the 2 that it had", len(members))
	}
}

func TestMovePackage_AMemberThatANewPackageHolds_IsNotTouchedByTheOldOne(t *testing.T) {
	w := oneWorld(t)
	old := w.packed(2)
	ids, err := w.Members(ctx(), old.ID)
	w.must(err)
	left := w.move(w.read(ids[0])[0], Queued, change{"package", ""})
	w.must(w.Wait(ctx(), &left))
	again := w.cut(groupA, CutLimits{9, much})
	before := w.again(left)
	w.step(&old, PackageOpened)
	w.step(&old, PackageUploaded)
	w.step(&old, PackageClosing)
	if before.Package != again.ID {
		t.Errorf("the invoice is in package %q, want it in the new one, %s", before.Package, again.ID)
	}
	if d := cmp.Diff(before, w.again(left)); d != "" {
		t.Errorf("package %s holds the invoice, but a move of %s changed it:\n%s", again.ID, old.ID, d)
	}
	if got := w.read(ids[1])[0]; got.State != Sending {
		t.Errorf("the invoice that stayed in the package is %s, want sending", got.State)
	}
}

func TestMovePackage_MalformedMove_IsRefusedAndWritesNothing(t *testing.T) {
	w := oneWorld(t)
	p := w.packed(1)
	for _, m := range []PackageMove{
		{To: PackageOpened, InvoicesFrom: []State{Packed}, InvoicesTo: Receipted},
		{To: PackageOpened, InvoicesFrom: []State{Packed, Accepted}, InvoicesTo: Queued},
		{To: PackageOpened, InvoicesFrom: []State{Packed}},
		{To: PackageOpened, From: []PackageState{PackageCut, PackageClosing}},
	} {
		w.unchanged(func() {
			if err := w.MovePackage(ctx(), &p, m); err == nil || errors.As(err, new(*ConflictError)) {
				t.Errorf("move %+v: %v, want an error that is not a *ConflictError", m, err)
			}
		})
	}
}

func TestMovePackage_OnlyFields_KeepsStateAndInvoices(t *testing.T) {
	w := oneWorld(t)
	for _, s := range PackageStates() {
		p := w.packageIn(s)
		ids, err := w.Members(ctx(), p.ID)
		w.must(err)
		invs := w.read(ids...)
		w.must(w.MovePackage(ctx(), &p, PackageMove{Edit: PackageEdit{}.Listed().Lost(At(noon)).Reason("żółć, =")}))
		got := w.readPackage(p.ID)
		if got.State != s || got.Rev != p.Rev || !got.Listed || got.Lost != At(noon) || got.Reason != "żółć, =" || p.State != s {
			t.Errorf("%s: the package is %+v, want only the given fields written", s, got)
		}
		if d := cmp.Diff(invs, w.read(ids...)); d != "" {
			t.Errorf("%s: the invoices of the package have changed:\n%s", s, d)
		}
	}
}

func TestOpenOnline_IsReadBackAsItWasReturned(t *testing.T) {
	w := oneWorld(t)
	p := w.online()
	got := w.readPackage(p.ID)
	if p.State != PackageOpened || p.Lane != Express || p.Rev != 1 || p.OpenedAt == 0 {
		t.Errorf("OpenOnline returned %+v, want an opened express package at revision 1", p)
	}
	p.CreatedAt, p.UpdatedAt = got.CreatedAt, got.UpdatedAt // these times come from the clock of the script
	if d := cmp.Diff(p, got); d != "" {
		t.Error(d)
	}
}

func TestBeginSend_WritesSendingBeforeThePost(t *testing.T) {
	w := oneWorld(t)
	p := w.online()
	a, b := w.waiting(1)[0], w.invoiceIn(Queued)
	for i, inv := range []Invoice{a, b} {
		rev, ordinal, err := w.BeginSend(ctx(), p.ID, "me", &inv)
		w.must(err)
		got := w.again(inv)
		if got.State != Sending || got.Package != p.ID || got.Session != p.Session || got.Attempts != 1 || got.Group != "" ||
			got.Rev != rev || rev != inv.Rev+1 || ordinal != i+1 {
			t.Errorf("the invoice is %+v; BeginSend returned revision %d and ordinal %d, want it sending in the session, at revision %d, with ordinal %d",
				got, rev, ordinal, inv.Rev+1, i+1)
		}
	}
	if got := w.readPackage(p.ID); got.Count != 2 || got.Size != 2000 || got.Rev != p.Rev {
		t.Errorf("the session counts %d invoices with %d bytes in all at revision %d, want 2 with 2000 at its old revision",
			got.Count, got.Size, got.Rev)
	}
}

func TestBeginSend_AgainInTheSameSession_IsCountedOnce(t *testing.T) {
	w := oneWorld(t)
	p, inv := w.online(), w.invoiceIn(Queued)
	for attempt := 1; attempt <= 3; attempt++ {
		_, ordinal, err := w.BeginSend(ctx(), p.ID, "me", &inv)
		w.must(err)
		if ordinal != 1 {
			t.Errorf("attempt %d has ordinal %d, want 1", attempt, ordinal)
		}
		inv = w.move(w.again(inv), Queued, change{"package", ""}, change{"session", ""}) // the invoice was not sent
		if inv.Attempts != attempt {
			t.Errorf("the entry counts %d attempts, want %d", inv.Attempts, attempt)
		}
	}
	if got := w.readPackage(p.ID); got.Count != 1 || got.Size != 1000 {
		t.Errorf("the session counts %d invoices with %d bytes in all, want 1 with 1000", got.Count, got.Size)
	}
}

func TestBeginSend_WrongPremise_IsAConflictAndWritesNothing(t *testing.T) {
	next := worlds(t)
	for _, s := range States()[1:] {
		t.Run("the invoice is "+string(s), func(t *testing.T) {
			w := next(t)
			inv, p := w.invoiceIn(s), w.online()
			w.unchanged(func() {
				_, _, err := w.BeginSend(ctx(), p.ID, "me", &inv)
				if c := w.conflict(err); c.ID != inv.ID || c.State != string(s) || c.Rev != inv.Rev {
					t.Errorf("the conflict is %+v, want the state of the invoice", c)
				}
			})
		})
	}
	for _, s := range PackageStates() {
		if s == PackageOpened {
			continue
		}
		t.Run("the package is "+string(s), func(t *testing.T) {
			w := next(t)
			p, inv := w.packageIn(s), w.invoiceIn(Queued)
			w.unchanged(func() {
				_, _, err := w.BeginSend(ctx(), p.ID, "me", &inv)
				if c := w.conflict(err); c.ID != p.ID || c.State != string(s) {
					t.Errorf("the conflict is %+v, want the state of the package", c)
				}
			})
		})
	}
	w := next(t)
	p, inv := w.online(), w.invoiceIn(Queued)
	for name, send := range map[string]func() error{
		"another worker's session": func() error { _, _, err := w.BeginSend(ctx(), p.ID, "somebody else", &inv); return err },
		"a session that is not there": func() error {
			_, _, err := w.BeginSend(ctx(), "pkg-nobody", "me", &inv)
			return err
		},
		"a session that the invoice was in before a person queued the invoice again": func() error {
			w.must(w.rdb.HSet(ctx(), w.key(keyInvoice, inv.ID), "left_session", p.Session).Err())
			defer w.rdb.HDel(ctx(), w.key(keyInvoice, inv.ID), "left_session")
			_, _, err := w.BeginSend(ctx(), p.ID, "me", &inv)
			if c := w.conflict(err); c.ID != p.ID || !strings.Contains(c.Error(), "a session that "+inv.ID+" has not been in") {
				t.Errorf("the conflict is %v, want one about the session", c)
			}
			return err
		},
		"another revision": func() error {
			stale := inv
			stale.Rev++
			_, _, err := w.BeginSend(ctx(), p.ID, "me", &stale)
			return err
		},
		"an invoice that is not there": func() error {
			_, _, err := w.BeginSend(ctx(), p.ID, "me", &Invoice{Facts: Facts{ID: "inv-nobody"}, Rev: 1})
			return err
		},
	} {
		w.unchanged(func() {
			c := w.conflict(send())
			if name == "a session that is not there" && (c.ID != "pkg-nobody" || c.State != "gone") {
				t.Errorf("%s: the conflict is %+v, want one that says the package is gone", name, c)
			}
		})
	}
}
