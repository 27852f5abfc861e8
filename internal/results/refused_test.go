package results

import (
	"testing"
	"time"

	"ksefworker/internal/ledger"
)

// A person dismisses a refused document. Its result has the time of this last change.
func TestOfRefusal_Ended_ChangedWhenItEnded(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 9, 58, 0, time.UTC)
	r := ledger.Refusal{ID: "ref-a", At: ledger.At(at), Ended: ledger.RefusalDismissed, EndedAt: ledger.At(at.Add(3 * time.Second))}
	if got := OfRefusal(&r); got.UpdatedAt != "2026-11-23T09:10:01Z" || got.Revision != int64(r.EndedAt) {
		t.Errorf("the result changed at %s and has revision %d, want 09:10:01 and %d", got.UpdatedAt, got.Revision, r.EndedAt)
	}
}
