package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

// named returns a function that sets the names of a configuration's tenants, in order. The function
// also does what hasty does.
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
		t.Errorf("--check ends with %v, want a fault of tenants[1].name\n%s", err, out)
	}
	// A process with the swapped names may run already, because it began when the ledger was empty.
	// It takes nothing in.
	refused, err := swapped.Admitter().Admit(t.Context(), good(sample.NIP(1), 1), intake.Terms{})
	if err != nil || refused[0].Taken != ledger.Refused || !strings.Contains(refused[0].Err.Error(), "tenant a is NIP "+sample.NIP(0)) {
		t.Errorf("Admit = %+v, %v, want a refusal that names the taxpayer", refused, err)
	}
}

// A tenant gets a new name. The invoices that were taken in under the old name would then belong to
// nobody. So no worker starts.
func TestTaxpayers_TenantRenamed_IsRefusedUntilTheNameIsBack(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, named("old", "b"))
	before := p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(0), "A", 3)...)
	for _, name := range []string{"new", ""} {
		p.cfg.Tenants[0].Name = name
		renamed := p.open()
		_, err := app.NewWorker(t.Context(), renamed, zerolog.Nop())
		if field, ok := errors.AsType[*config.FieldError](err); !ok || field.Field != "tenants[0].name" ||
			!strings.Contains(err.Error(), "under the name old: a name cannot be changed, so put the old name back") {
			t.Errorf("renamed to %q: NewWorker = %v, want a fault of tenants[0].name", name, err)
		}
		_ = renamed.Close()
	}
	// A second account of the same taxpayer is not a renamed first account, so a worker starts.
	// When the invoices of the first account are done, that account may be removed.
	p.cfg.Tenants[0].Name = "old"
	second := p.cfg.Tenants[0]
	second.Name = "second"
	p.cfg.Tenants = append(p.cfg.Tenants, second)
	p.base = p.open()
	stop := p.work()
	after := p.admit(intake.Terms{Lane: ledger.Bulk, Tenant: "second"}, numbered(sample.NIP(0), "C", 2)...)
	p.wait(90*time.Second, slices.Concat(before, after), ledger.Receipted)
	stop()
	p.balanced(5)
	p.cfg.Tenants = p.cfg.Tenants[1:]
	if out, _ := checkOutput(t, p.cfg); strings.Contains(out, "FAULT  ledger") {
		t.Errorf("without the first account, --check finds a fault of the ledger:\n%s", out)
	}
}

// A tenant without a name of its own gets one. The refusal says what to do, for every tenant at
// once.
func TestTaxpayers_NamelessTenantsGetNames_EachIsTold(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, hasty)
	p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(0), "A", 1)...)
	p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(1), "B", 1)...)
	p.cfg.Tenants[0].Name, p.cfg.Tenants[1].Name = "a", "b"
	out, err := checkOutput(t, p.cfg)
	if !errors.Is(err, app.ErrCheck) {
		t.Errorf("--check ends with %v, want ErrCheck", err)
	}
	for i, name := range []string{"a", "b"} {
		nip := sample.NIP(i)
		if want := "FAULT  ledger: tenants[" + strconv.Itoa(i) + "].name: " + name + " is new, and the ledger has invoices of NIP " + nip +
			" under the name " + nip + ": a name cannot be changed, so remove this name"; !strings.Contains(out, want) {
			t.Errorf("--check does not say %q:\n%s", want, out)
		}
	}
}

// Two configurations give the same name to different taxpayers, and processes of both begin with an
// empty ledger. A process of one configuration takes in invoices under the name. The worker of the
// other configuration sends none of them, not even in the first moment. It does not show them on
// its page or tell its receivers about them, and it goes on to serve its other tenant.
func TestTaxpayers_NameTakenByAnotherProcess_TheWorkerLeavesItAlone(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, func(c *config.Config) {
		named("a", "b")(c)
		c.Results.Folder.Path = t.TempDir()
	})
	addr, stop := p.workAt()
	// The worker has made its first check when it has served an invoice.
	p.wait(60*time.Second, p.admit(intake.Terms{Lane: ledger.Express, Tenant: "b"}, numbered(sample.NIP(1), "L", 1)...), ledger.Receipted)
	cfg := p.cfg
	p.cfg.Tenants = slices.Clone(cfg.Tenants)
	p.cfg.Tenants[0].NIP = "5252248481"
	other := p.open()
	defer other.Close()
	taken, err := other.Admitter().Admit(t.Context(), good("5252248481", 2), intake.Terms{Lane: ledger.Express})
	if err != nil || taken[0].Taken != ledger.Created || taken[1].Taken != ledger.Created {
		t.Fatalf("Admit = %+v, %v, want both invoices taken in", taken, err)
	}
	bulk, err := other.Admitter().Admit(t.Context(), numbered("5252248481", "P", 1), intake.Terms{Lane: ledger.Bulk})
	if err != nil || bulk[0].Taken != ledger.Created {
		t.Fatalf("Admit = %+v, %v, want the invoice taken in", bulk, err)
	}
	p.cfg = cfg
	ended := ledger.Move{ID: taken[1].Invoice.ID, To: ledger.Dismissed, Edit: ledger.Because(0, "a test")}
	if err := other.Ledger.Move(t.Context(), ended); err != nil {
		t.Fatal(err)
	}
	mine := p.admit(intake.Terms{Lane: ledger.Express, Tenant: "b"}, numbered(sample.NIP(1), "M", 1)...)
	told := func(id string) bool {
		_, err := os.Stat(filepath.Join(cfg.Results.Folder.Path, id+".json"))
		return err == nil
	}
	until(t, 60*time.Second, "the invoice of the worker's other tenant is receipted, and the receiver was told", func() bool {
		inv, err := p.base.Ledger.Invoice(t.Context(), mine[0].Invoice.ID)
		return err == nil && inv.State == ledger.Receipted && told(inv.ID)
	})
	until(t, 30*time.Second, "the log says that the worker does nothing for this tenant", func() bool {
		return strings.Contains(p.log.String(), "nothing of this tenant is sent, shown or told to receivers by this worker")
	})
	if told(taken[1].Invoice.ID) {
		t.Error("the receiver was told what became of the other taxpayer's invoice")
	}
	if body := page(t, addr, "/"); !strings.Contains(body, "The name a belongs to NIP 5252248481 in the ledger") {
		t.Errorf("the page does not say to which NIP the name a belongs:\n%s", body)
	}
	ready := page(t, addr, "/readyz")
	for _, want := range []string{
		"a means NIP 5252248481 in the ledger", "folder is not told: tenant a is NIP 5252248481 in the ledger", `"ready": true`,
	} {
		if !strings.Contains(ready, want) {
			t.Errorf("/readyz does not say %q:\n%s", want, ready)
		}
	}
	if strings.Contains(ready, "takes no results") {
		t.Errorf("/readyz blames the receiver, which was not asked:\n%s", ready)
	}
	reader, err := other.Waiting()
	if err != nil {
		t.Fatal(err)
	}
	until(t, 60*time.Second, "the invoice for the bulk lane is said to wait because of the name", func() bool {
		inv, err := p.base.Ledger.Invoice(t.Context(), bulk[0].Invoice.ID)
		if err != nil || inv.State != ledger.Queued {
			t.Fatalf("the other taxpayer's invoice is %+v, %v, want it queued", inv, err)
		}
		why, err := reader.Explain(t.Context(), []ledger.Invoice{inv})
		return err == nil && strings.Contains(why[inv.ID].What, "a means NIP 5252248481 in the ledger")
	})
	stop()
	inv, err := p.base.Ledger.Invoice(t.Context(), taken[0].Invoice.ID)
	if err != nil || inv.State != ledger.Queued || inv.Attempts != 0 {
		t.Errorf("the other taxpayer's invoice is %+v, %v, want it queued and never tried", inv, err)
	}
}
