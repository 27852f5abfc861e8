package ledger

import (
	"errors"
	"testing"
)

// A worker was suspended. Meanwhile its ledger was purged, and another environment has claimed it.
// When the worker wakes up, it must send nothing, because the invoices in the ledger now belong to
// the other environment.
func TestSending_LedgerBelongsElsewhereNow_IsRefusedInEachVerb(t *testing.T) {
	w := oneWorld(t)
	w.must(w.Claim(ctx(), testHome))
	session, queued := w.online(), w.take(w.fresh())[0]
	bulk := w.packed(1)
	w.waiting(2)

	_, _, err := w.writeHome(ctx(), liveHome, w.rdb.Get(ctx(), w.key(keyHome)).Val())
	w.must(err)
	for name, send := range map[string]func() error{
		"BeginSend": func() error { _, _, err := w.BeginSend(ctx(), session.ID, session.Owner, &queued); return err },
		"OpenOnline": func() error {
			_, err := w.OpenOnline(ctx(), Package{ID: "pkg-new", Session: "s", Owner: "w", Tenant: sellerA})
			return err
		},
		"Cut": func() error {
			_, err := w.Cut(ctx(), "pkg-cut", groupA, CutLimits{Invoices: 9, Bytes: 1 << 30})
			return err
		},
		"MovePackage": func() error { return w.MovePackage(ctx(), &bulk, PackageMove{To: PackageOpened}) },
	} {
		w.unchanged(func() {
			err := send()
			if refused, ok := errors.AsType[*HomeError](err); !ok || refused.Home.Environment != "production" {
				t.Errorf("%s gives the error %v, want a HomeError that names production", name, err)
			}
		})
	}
}

// The ledger has lost its home, and no other environment has claimed the ledger. The process claims
// the ledger again and goes on.
func TestSending_HomeIsGoneButFree_IsClaimedAgain(t *testing.T) {
	w := oneWorld(t)
	w.must(w.Claim(ctx(), testHome))
	session, queued := w.online(), w.take(w.fresh())[0]
	w.must(w.rdb.Del(ctx(), w.key(keyHome)).Err())
	if _, _, err := w.BeginSend(ctx(), session.ID, session.Owner, &queued); err != nil {
		t.Errorf("BeginSend gives the error %v, want none, because the process claims the ledger again", err)
	}
	if at, err := w.Home(ctx()); err != nil || at.Environment != testHome.Environment {
		t.Errorf("the ledger belongs to %v (error %v), want the home of this process", at, err)
	}
}
