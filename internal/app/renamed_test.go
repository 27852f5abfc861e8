package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// named gives the tenants of a configuration names, in order.
func named(names ...string) func(*config.Config) {
	return func(c *config.Config) {
		hasty(c)
		for i, name := range names {
			c.Tenants[i].Name = name
		}
	}
}

// The owner of two companies swaps their names while invoices of the first company wait. If a
// process started all the same, each company would see the invoices of the other, and the waiting
// invoices would go into a session of the second company.
func TestTaxpayers_NamesSwapped_NoProcessStarts(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, named("a", "b"))
	p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 2)...)
	p.cfg.Tenants[0].Name, p.cfg.Tenants[1].Name = "b", "a"
	swapped := p.open()
	defer swapped.Close()
	_, err := app.NewWorker(t.Context(), swapped, zerolog.Nop())
	if field, ok := errors.AsType[*config.FieldError](err); !ok || field.Field != "tenants[1].name" ||
		!strings.Contains(err.Error(), "means NIP "+sample.NIP(0)+" in the ledger") {
		t.Errorf("NewWorker = %v, want a fault of tenants[1].name", err)
	}
	out, err := checkOutput(t, p.cfg)
	if !errors.Is(err, app.ErrCheck) || !strings.Contains(out, "FAULT  ledger: tenants[1].name: a means NIP "+sample.NIP(0)) {
		t.Errorf("--check says %v\n%s", err, out)
	}
	// A process with the swapped names may run already, because it began when the ledger was empty.
	// It takes nothing in.
	refused, err := swapped.Admitter().Admit(t.Context(), good(sample.NIP(1), 1), intake.Terms{})
	if err != nil || refused[0].Taken != ledger.Refused || !strings.Contains(refused[0].Err.Error(), "tenant a is NIP "+sample.NIP(0)) {
		t.Errorf("Admit = %+v, %v", refused, err)
	}
}

// A tenant gets a better name while invoices wait under the first. They go on under its account and
// its limits, and its receiver gets the results of both names.
func TestTaxpayers_RenamedWithFormerName_NothingStops(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := newPool(t, 2, quickSim, func(c *config.Config) {
		named("old", "b")(c)
		c.Results.Folders = []config.FolderReceiver{{Name: "own", Path: dir, Tenants: []string{"old"}}}
	})
	before := p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(0), "A", 3)...)
	express := p.admit(intake.Terms{Lane: ledger.Express}, numbered(sample.NIP(0), "B", 1)...)
	p.cfg.Tenants[0].Name = "new"
	if out, _ := checkOutput(t, p.cfg); !strings.Contains(out, `write former_names: ["old"] there`) {
		t.Errorf("--check does not say what a renamed tenant needs:\n%s", out)
	}
	p.cfg.Tenants[0].FormerNames = []string{"old"}
	p.base = p.open()
	stop := p.work()
	after := p.admit(intake.Terms{Lane: ledger.Bulk, Tenant: "old"}, numbered(sample.NIP(0), "C", 2)...)
	if got := after[0].Invoice.Tenant; got != "new" {
		t.Errorf("what is handed in for the old name belongs to %s", got)
	}
	all := slices.Concat(before, express, after)
	p.wait(90*time.Second, all, ledger.Receipted)
	until(t, 30*time.Second, "the folder has the results of both names", func() bool {
		for i := range all {
			if _, err := os.Stat(filepath.Join(dir, all[i].Invoice.ID+".json")); err != nil {
				return false
			}
		}
		return true
	})
	stop()
	p.balanced(6)
	if u, err := p.base.Unserved(t.Context()); err != nil || len(u.Counts) > 0 {
		t.Errorf("unserved: %+v, %v", u, err)
	}
}
