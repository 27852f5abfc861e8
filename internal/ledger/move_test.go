package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// legalMoves repeats the table of state.go, so that nobody changes that table by mistake.
var legalMoves = map[State]string{
	Queued:     "packed sending rejected parked dismissed",
	Packed:     "queued packed sending accepted rejected parked",
	Sending:    "queued packed unknown sent accepted rejected parked",
	Unknown:    "queued packed sent accepted rejected parked",
	Sent:       "queued packed accepted rejected parked",
	Accepted:   "receipted",
	Receipted:  "",
	Rejected:   "queued dismissed superseded",
	Parked:     "queued dismissed superseded",
	Dismissed:  "queued",
	Superseded: "queued",
}

func TestMayMove_IsTheDesignsTable(t *testing.T) {
	for from, tos := range legalMoves {
		for _, to := range States() {
			if want := slices.Contains(strings.Fields(tos), string(to)); MayMove(from, to) != want {
				t.Errorf("an invoice may move from %s to %s: %v, want %v", from, to, !want, want)
			}
		}
	}
}

func TestMove_EveryPairOfStates_OnlyTheLegalOnesAreWritten(t *testing.T) {
	next := worlds(t)
	for _, from := range States() {
		for _, to := range States() {
			t.Run(fmt.Sprintf("%s to %s", from, to), func(t *testing.T) {
				legal := slices.Contains(strings.Fields(legalMoves[from]), string(to))
				w := next(nil) // without an audit at the end, because an invoice packed by hand has no package
				w.t = t
				inv := w.invoiceIn(from)
				m := Move{ID: inv.ID, Rev: inv.Rev, To: to}
				if legal {
					w.must(w.Move(ctx(), m))
					got := w.again(inv)
					if got.State != to || got.Rev != inv.Rev+1 || got.UpdatedAt <= inv.UpdatedAt {
						t.Errorf("%s, revision %d (before %d), changed at %d (before %d): want the next revision and a later time",
							got.State, got.Rev, inv.Rev, got.UpdatedAt, inv.UpdatedAt)
					}
				} else {
					w.unchanged(func() {
						c := w.conflict(w.Move(ctx(), m))
						want := ConflictError{
							ID: inv.ID, To: string(to), State: string(from), Rev: inv.Rev, Package: inv.Package, Expected: c.Expected,
						}
						if *c != want {
							t.Errorf("the conflict is %+v, want %+v", *c, want)
						}
					})
				}
				for _, fault := range snapshotOf(t, w.rdb, w.prefix).faults() {
					ofPackage := strings.Contains(fault, "in package") || strings.Contains(fault, "in its package")
					if !ofPackage && !strings.Contains(fault, "document") {
						t.Error(fault)
					}
				}
			})
		}
	}
}

func TestMove_WrongPremise_IsAConflictAndWritesNothing(t *testing.T) {
	next := worlds(t)
	for _, from := range States() {
		for _, to := range strings.Fields(legalMoves[from]) {
			t.Run(fmt.Sprintf("%s to %s", from, to), func(t *testing.T) {
				w := next(t)
				inv := w.invoiceIn(from)
				legal := Move{ID: inv.ID, Rev: inv.Rev, To: State(to)}
				other := slices.DeleteFunc(slices.Clone(invoiceMoves[State(to)]), func(s State) bool { return s == from })
				cases := map[string]func(m *Move){
					"an old revision":                   func(m *Move) { m.Rev-- },
					"a future revision":                 func(m *Move) { m.Rev++ },
					"in another package":                func(m *Move) { m.In = "pkg-of-somebody-else" },
					"any revision, but another package": func(m *Move) { m.Rev, m.In = 0, "pkg-of-somebody-else" },
					"an invoice that is not there":      func(m *Move) { m.ID = "inv-nobody" },
				}
				if len(other) > 0 {
					cases["only from other states"] = func(m *Move) { m.From = other }
				}
				for name, spoil := range cases {
					m := legal
					spoil(&m)
					w.unchanged(func() {
						c := w.conflict(w.Move(ctx(), m))
						if m.ID == inv.ID && (c.State != string(from) || c.Rev != inv.Rev) || m.ID != inv.ID && c.State != "" {
							t.Errorf("%s: the conflict tells state %s at revision %d, want those of the entry", name, c.State, c.Rev)
						}
					})
				}
			})
		}
	}
}

func TestMove_FromNamesAnIllegalMove_IsRefusedBeforeRedisIsAsked(t *testing.T) {
	w := oneWorld(t)
	for _, from := range States() {
		inv := w.invoiceIn(from)
		for _, to := range States() {
			if MayMove(from, to) || from == to {
				continue
			}
			w.unchanged(func() {
				err := w.Move(ctx(), Move{ID: inv.ID, Rev: inv.Rev, From: []State{from}, To: to})
				if err == nil || errors.As(err, new(*ConflictError)) || !strings.Contains(err.Error(), "not a legal move") {
					t.Errorf("the move from %s to %s gives %v, want an error that is not a *ConflictError", from, to, err)
				}
			})
		}
	}
	w.unchanged(func() {
		if err := w.Move(ctx(), Move{ID: "inv-x", To: "lost"}); err == nil {
			t.Error("a move to a state that does not exist was accepted")
		}
		if err := w.Move(ctx(), Move{ID: "inv-x"}); err == nil {
			t.Error("a move that names neither From nor To was accepted")
		}
	})
}

func TestMove_WaitingSet_IsForQueuedInvoicesOnly(t *testing.T) {
	w := oneWorld(t)
	for _, s := range States() {
		if s == Queued {
			continue
		}
		inv := w.invoiceIn(s)
		w.unchanged(func() {
			if err := w.Move(ctx(), Move{ID: inv.ID, Rev: inv.Rev, From: []State{s}, To: s, Group: groupA.Name()}); err == nil {
				t.Errorf("a %s invoice was put into a waiting set", s)
			}
			if err := w.Move(ctx(), Move{ID: inv.ID, Rev: inv.Rev, From: []State{s}, Group: groupA.Name()}); err == nil {
				t.Errorf("a %s invoice was put into a waiting set by a move that only writes fields", s)
			}
		})
	}
	p := w.packed(1)
	w.unchanged(func() {
		m := PackageMove{To: PackageOpened, InvoicesFrom: []State{Packed}, InvoicesTo: Sending, InvoicesGroup: groupA.Name()}
		if err := w.MovePackage(ctx(), &p, m); err == nil {
			t.Error("invoices that are sent were put into a waiting set")
		}
	})
}

func TestMove_OnlyFields_LeavesAWaitingInvoiceWaiting(t *testing.T) {
	w := oneWorld(t)
	inv := w.waiting(1)[0]
	w.must(w.Move(ctx(), Move{ID: inv.ID, Rev: inv.Rev, From: []State{Queued}, Edit: Edit{{"reason", "was read"}}}))
	got := w.again(inv)
	if got.Group != groupA.Name() || got.Reason != "was read" || got.State != Queued || got.Rev != inv.Rev+1 {
		t.Errorf("the invoice is %s in group %q at revision %d with reason %q, want it queued in its group, with the new reason",
			got.State, got.Group, got.Rev, got.Reason)
	}
}

func TestApply_ManyMoves_EachIsIndependent(t *testing.T) {
	w := oneWorld(t)
	const n = 2*moveBatch + 7
	docs := make([]NewInvoice, n)
	for i := range docs {
		docs[i] = w.fresh()
	}
	invs := w.take(docs...)
	moves := make([]Move, n)
	for i, inv := range invs {
		moves[i] = Move{ID: inv.ID, Rev: inv.Rev, To: Rejected, Edit: Edit{{"code", 430 + i%2}}}
		if i%3 == 0 {
			moves[i].Rev = 99
		}
	}
	errs, err := w.Apply(ctx(), moves)
	w.must(err)
	if len(errs) != n {
		t.Fatalf("Apply returned %d errors for %d moves, want one for each, which may be nil", len(errs), n)
	}
	for i, inv := range w.read(idsOf(invs)...) {
		if i%3 == 0 {
			if c := w.conflict(errs[i]); c.ID != inv.ID || inv.State != Queued {
				t.Fatalf("move %d gives the conflict %v and leaves the invoice %s, want queued", i, c, inv.State)
			}
		} else if errs[i] != nil || inv.State != Rejected || inv.Code != 430+i%2 {
			t.Fatalf("move %d gives %v, and the invoice is %s with code %d: want it rejected with its code",
				i, errs[i], inv.State, inv.Code)
		}
	}
}

func TestApply_SameInvoiceTwiceInOneCall_TheSecondSeesTheFirst(t *testing.T) {
	w := oneWorld(t)
	inv := w.invoiceIn(Sent)
	errs, err := w.Apply(ctx(), []Move{{ID: inv.ID, Rev: inv.Rev, To: Accepted}, {ID: inv.ID, Rev: inv.Rev, To: Rejected}})
	w.must(err)
	if errs[0] != nil || w.conflict(errs[1]).State != string(Accepted) {
		t.Errorf("the answers are %v, want a conflict in the second only", errs)
	}
}

func TestApplyEach_RevisionsAreTheEntriesOwn_AlsoAfterAMoveAtAnyRevision(t *testing.T) {
	w := oneWorld(t)
	invs := w.take(w.fresh(), w.fresh())
	stay := func(id string, rev int64) Move {
		return Move{ID: id, Rev: rev, From: []State{Queued}, Edit: Edit{{"reference", "r"}}}
	}
	got, err := w.ApplyEach(ctx(), []Move{stay(invs[0].ID, invs[0].Rev), stay(invs[0].ID, 0), stay(invs[1].ID, invs[1].Rev+5)})
	w.must(err)
	if now := w.again(invs[0]); len(got) != 3 || got[0].Rev != now.Rev-1 || got[1].Rev != now.Rev || got[0].Conflict != nil {
		t.Errorf("the moves gave %+v, and the entry is at revision %d: want the revision of each move", got, now.Rev)
	}
	if c := got[2].Conflict; c == nil || c.State != string(Queued) || c.Rev != invs[1].Rev || got[2].Rev != 0 {
		t.Errorf("a move at a future revision gave %+v, want a conflict with the state and revision of the entry", got[2])
	}
}

func TestApply_Nothing_AsksNobody(t *testing.T) {
	gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer gone.Close()
	if errs, err := New(gone, Options{}).Apply(ctx(), nil); err != nil || len(errs) != 0 {
		t.Errorf("Apply of no moves gives %v (error %v), want nothing", errs, err)
	}
}

func TestMove_FieldsOfEveryKind_AreReadBackAsTheyWere(t *testing.T) {
	w := oneWorld(t)
	inv := w.invoiceIn(Sent)
	const reason = "za \"zgodą\"\n|,= ':"
	w.must(w.Move(ctx(), Move{ID: inv.ID, Rev: inv.Rev, To: Accepted, In: inv.Package, Edit: Edit{
		{"code", 200}, {"reason", reason}, {"recovered", true}, {"accepted_at", At(noon)}, {"lane", Express},
		{"orig_number", ""}, {"mode", "online"},
	}}))
	got := w.again(inv)
	want := inv
	want.State, want.Rev, want.UpdatedAt = Accepted, inv.Rev+1, got.UpdatedAt
	want.Code, want.Reason, want.Recovered, want.AcceptedAt, want.Lane, want.Mode = 200, reason, true, At(noon), Express, "online"
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestWait_TwiceWithTheSameCopy_TheSecondIsAConflict(t *testing.T) {
	w := oneWorld(t)
	inv := w.invoiceIn(Queued)
	w.must(w.Wait(ctx(), &inv))
	w.unchanged(func() { w.conflict(w.Wait(ctx(), &inv)) })
}

func TestWait_AgainWithAFreshCopy_KeepsItsPlaceInTheQueue(t *testing.T) {
	w := oneWorld(t)
	inv := w.waiting(1)[0]
	before := snapshotOf(t, w.rdb, w.prefix)
	w.must(w.Wait(ctx(), &inv))
	after := snapshotOf(t, w.rdb, w.prefix)
	for _, key := range []string{"waitage:" + groupA.Name(), "wait:" + groupA.Name()} {
		if d := cmp.Diff(before.Sorted[key], after.Sorted[key]); d != "" {
			t.Errorf("the waiting set %s has changed:\n%s", key, d)
		}
	}
	if got := w.again(inv); got.Rev != inv.Rev+1 {
		t.Errorf("the entry is at revision %d, want %d", got.Rev, inv.Rev+1)
	}
}

func TestWait_NotQueued_IsAConflict(t *testing.T) {
	w := oneWorld(t)
	for _, s := range States()[1:] {
		inv := w.invoiceIn(s)
		w.unchanged(func() { w.conflict(w.Wait(ctx(), &inv)) })
		w.unchanged(func() { w.conflict(w.Move(ctx(), w.ExpressMove(&inv))) })
		w.unchanged(func() { w.conflict(w.BackToWaiting(ctx(), &inv)) })
	}
}

func TestExpressMove_TakesItOutOfTheWaitingSet_BackToWaitingPutsItBack(t *testing.T) {
	w := oneWorld(t)
	invs := w.waiting(2)
	stale := invs[0]
	w.must(w.Move(ctx(), w.ExpressMove(&invs[0])))
	got := w.again(stale)
	if got.Group != "" || got.Lane != Express || !got.Chosen || got.State != Queued {
		t.Errorf("the invoice is %s in group %q, lane %s, chosen %v: want it queued for express in no group",
			got.State, got.Group, got.Lane, got.Chosen)
	}
	w.unchanged(func() { w.conflict(w.Move(ctx(), w.ExpressMove(&stale))) })
	w.audit()
	w.must(w.BackToWaiting(ctx(), &got))
	if got = w.again(stale); got.Group != groupA.Name() || got.Lane != Auto || got.Chosen {
		t.Errorf("the invoice is in group %q, lane %s, chosen %v: want it in its group again, for any lane",
			got.Group, got.Lane, got.Chosen)
	}
}

func TestReceipt_DropsTheDocument_OnlyOfAcceptedInvoices(t *testing.T) {
	w := oneWorld(t)
	for _, s := range States() {
		inv := w.invoiceIn(s)
		receipt := func() error {
			errs, err := w.Receipt(ctx(), []string{inv.ID}, "file:///upo.xml")
			w.must(err)
			return errs[0]
		}
		if s != Accepted {
			w.unchanged(func() { w.conflict(receipt()) })
			continue
		}
		if _, err := w.Body(ctx(), inv.ID); err != nil {
			t.Errorf("reading the document before the receipt gives the error %v, want none", err)
		}
		w.must(receipt())
		if got := w.again(inv); got.UPO != "file:///upo.xml" || got.State != Receipted {
			t.Errorf("the invoice is %s with UPO %q, want receipted with the URL of the receipt", got.State, got.UPO)
		}
		if _, err := w.Body(ctx(), inv.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("reading the document after the receipt gives %v, want ErrNotFound", err)
		}
	}
}

func TestRetry_OnlyRejectedParkedOrSuperseded_StartsAgainWithoutTheOldOutcome(t *testing.T) {
	w := oneWorld(t)
	for _, s := range States() {
		inv := w.invoiceIn(s)
		if s != Rejected && s != Parked && s != Superseded {
			w.unchanged(func() { w.conflict(w.Retry(ctx(), &inv)) })
			continue
		}
		stale := inv
		w.must(w.Move(ctx(), Move{ID: inv.ID, Rev: inv.Rev, From: []State{s}, Edit: Edit{
			{"code", 450}, {"reason", "wrong"}, {"resends", 3}, {"failed_sessions", 2}, {"package", "p"},
			{"session", "s"}, {"reference", "r"}, {"orig_number", "n"}, {"orig_session", "o"}, {"orig_by", "b"},
			{"lane", Express}, {"attempts", 2},
		}}))
		w.unchanged(func() { w.conflict(w.Retry(ctx(), &stale)) })
		inv = w.again(inv)
		w.must(w.Retry(ctx(), &inv))
		got := w.again(inv)
		want := stale
		want.State, want.Rev, want.UpdatedAt, want.Lane = Queued, inv.Rev+1, got.UpdatedAt, Auto
		want.Attempts = 2 // attempts are history and stay
		want.LeftSession = "s"
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("retried from %s (-want +got):\n%s", s, d)
		}
	}
}

func TestConflictError_SaysWhatIsAndWhatWasExpected(t *testing.T) {
	for want, err := range map[string]*ConflictError{
		"move inv-a to sent: it is rejected at revision 4, not sending,unknown at revision 3 in pkg-1": {
			ID: "inv-a", To: "sent", State: "rejected", Rev: 4, Expected: (&Move{To: Sent, Rev: 3, In: "pkg-1"}).expected(),
		},
		"inv-a is not in the ledger": {ID: "inv-a", To: "sent"},
		"move inv-a to queued: it is rejected at revision 3, not rejected,parked at revision 3 " +
			"with no other document of its identity alive": {
			ID: "inv-a", To: "queued", State: "rejected", Rev: 3,
			Expected: (&Move{To: Queued, From: []State{Rejected, Parked}, Rev: 3, newest: true}).expected(),
		},
	} {
		if err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
	}
}

func idsOf(invs []Invoice) []string {
	ids := make([]string, len(invs))
	for i := range invs {
		ids[i] = invs[i].ID
	}
	return ids
}
