package ledger

import (
	"errors"
	"testing"

	"ksefworker/internal/redisd/redistest"
)

// During a rolling update old and new workers share one Redis. So an old worker meets entries of a
// newer build, and must leave them alone.
func TestRead_EntryOfANewerBuild_IsLeftToIt(t *testing.T) {
	rdb, _ := redistest.New(t)
	l := New(rdb, Options{})
	rdb.HSet(t.Context(), "ksef:inv:a", "rev", 1, "state", "queued", "facts", `{"v":2,"id":"a"}`)
	rdb.HSet(t.Context(), "ksef:pkg:p", "rev", 1, "state", "cut", "v", 2)
	if _, err := l.Invoice(t.Context(), "a"); !errors.Is(err, ErrNewer) {
		t.Errorf("Invoice = %v, want ErrNewer", err)
	}
	if _, err := l.Package(t.Context(), "p"); !errors.Is(err, ErrNewer) {
		t.Errorf("Package = %v, want ErrNewer", err)
	}
}
