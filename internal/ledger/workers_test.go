package ledger

import (
	"errors"
	"testing"
	"time"
)

// When a worker leaves a session to others, the owner of the session becomes "". The name "" must
// never count as the name of a living worker.
func TestAlive_NoOwner_IsNeverAlive(t *testing.T) {
	w := oneWorld(t)
	w.must(w.Beat(ctx(), "", time.Hour))
	if alive, err := w.Alive(ctx(), ""); alive || err != nil {
		t.Errorf("Alive of no worker gives %v (error %v), want false", alive, err)
	}
}

// When a worker has left a session to others, neither that worker nor any other can begin a send in
// it.
func TestBeginSend_SessionIsLeftToOthers_Refused(t *testing.T) {
	w := oneWorld(t)
	inv := w.take(w.fresh())[0]
	p, err := w.OpenOnline(ctx(), Package{ID: "pkg-1", Tenant: inv.Tenant, Form: inv.Form, Session: "s", Owner: "me"})
	w.must(err)
	w.must(w.MovePackage(ctx(), &p, PackageMove{Edit: PackageEdit{}.Owner("")}))
	for _, who := range []string{"me", ""} {
		var conflict *ConflictError
		if _, _, err := w.BeginSend(ctx(), p.ID, who, &inv); !errors.As(err, &conflict) || conflict.ID != p.ID {
			t.Errorf("beginning a send as %q gives %v, want a conflict about the session", who, err)
		}
	}
}
