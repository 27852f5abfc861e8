//go:build unix

package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd/redistest"
)

func TestPlanted_ChangedOrNotLogged_IsReported(t *testing.T) {
	rdb, _ := redistest.New(t)
	p, err := plant(t.Context(), rdb, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l := ledger.New(rdb, ledger.Options{})
	if counts, err := l.Counts(t.Context()); err != nil || counts[string(newerState)] != p.count(newerState) {
		t.Errorf("the ledger counts %v (error %v), want the planted invoice in it", counts, err)
	}
	for _, err := range []error{second(l.Invoice(t.Context(), p.invoice)), second(l.Package(t.Context(), p.pack))} {
		if err == nil || !strings.Contains(err.Error(), ledger.ErrNewer.Error()) {
			t.Errorf("reading a planted entry returned %v, want an error that says that it is of a newer build", err)
		}
	}
	log := filepath.Join(t.TempDir(), "log")
	check := func(text string) string {
		if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(p.check(t.Context(), rdb, []string{log}))
	}
	if got := check("skipped inv-newer and pkg-newer"); strings.Contains(got, "newer entry") {
		t.Errorf("both entries are unchanged and logged, but the check says %s, want no fault", got)
	}
	if got := check("skipped inv-newer"); !strings.Contains(got, "pkg-newer") || strings.Contains(got, "inv-newer") {
		t.Errorf("when the package was not logged, the check says %s, want a fault about the package alone", got)
	}
	rdb.HSet(t.Context(), prefix+"inv:"+p.invoice, "state", "packed")
	if got := check("skipped inv-newer and pkg-newer"); !strings.Contains(got, "inv-newer: was") {
		t.Errorf("when the invoice was changed, the check says %s, want a fault about the invoice", got)
	}
}

func second[T any](_ T, err error) error { return err }
