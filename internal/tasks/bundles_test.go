package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

func inPackages(o *tasks.Options) { o.ArchivePackages = true }

// numbered returns n invoice numbers.
func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint("P/", i)
	}
	return out
}

// names lists what the archive has for the taxpayer and the month of an invoice, below sub.
func (en *entries) names(inv ledger.Invoice, sub string) []string {
	en.t.Helper()
	names, err := archive.ListIn(en.t.Context(), en.store, inv.NIP+"/"+inv.IssueDate[:7]+sub)
	if err != nil {
		en.t.Fatal(err)
	}
	return names
}

// bundles lists the objects of all bundles in the month of an invoice.
func (en *entries) bundles(inv ledger.Invoice) (all []string) {
	en.t.Helper()
	for _, day := range en.names(inv, "/packages") {
		if strings.HasSuffix(day, "/") {
			all = append(all, en.names(inv, "/packages/"+day[len(day)-11:len(day)-1])...)
		}
	}
	return all
}

// receiptedInBundles checks that invoices are receipted and that their documents and results are
// read from bundles.
func (po *paths) receiptedInBundles(invs []ledger.Invoice) {
	po.t.Helper()
	s := bundle.Over(po.store)
	for _, inv := range invs {
		now := po.entries.read(inv.ID)
		if now.State != ledger.Receipted {
			po.t.Fatalf("%s is %s, want receipted: %s", inv.Number, now.State, now.Reason)
		}
		doc, err := s.Get(po.t.Context(), archive.InvoiceName(inv.NIP, inv.IssueDate, inv.ID))
		if err != nil || len(doc) == 0 {
			po.t.Fatalf("the document of %s has %d bytes, %v; want more than 0", inv.Number, len(doc), err)
		}
		result, err := s.Get(po.t.Context(), archive.ResultName(inv.NIP, inv.IssueDate, inv.ID))
		if err != nil || !strings.Contains(string(result), `"ksef_number":"`+now.KsefNumber+`"`) ||
			!strings.Contains(string(result), `"gross":"`) || !strings.Contains(string(result), `"state":"receipted"`) {
			po.t.Fatalf("the result of %s is %s, %v; want it to have KSeF number %s, a gross amount and the state receipted",
				inv.Number, result, err, now.KsefNumber)
		}
	}
}

func TestReceipt_PackageOfManyInvoices_IsArchivedInOneZIPAndTheRejectedByItself(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client(), inPackages)
	var invs []ledger.Invoice
	for _, n := range numbered(40) {
		invs = append(invs, s.admit(ledger.Bulk, s.good(n)))
	}
	bad := s.admit(ledger.Bulk, s.bad("P/bad"))
	pkg := s.sent(w, append(slices.Clone(invs), bad)...)
	w.settle(pkg)
	w.must(queue.KindReceipt, pkg)
	s.receiptedInBundles(invs)
	if objects := s.bundles(invs[0]); len(objects) != 2 || !strings.HasSuffix(objects[1], ".zip") ||
		!strings.Contains(objects[1], pkg) || objects[0] != strings.TrimSuffix(objects[1], ".zip")+".jsonl" {
		t.Errorf("the objects of bundles are %v, want the ZIP of the package and its index", objects)
	}
	var alone []string
	for _, name := range s.names(invs[0], "") {
		if strings.Contains(name, "/inv-") {
			alone = append(alone, name)
		}
	}
	if want := archive.ResultName(bad.NIP, bad.IssueDate, bad.ID); len(alone) != 2 || alone[0] != want {
		t.Errorf("the objects outside bundles are %v, want only the two objects of the rejected invoice", alone)
	}
	if r := s.result(s.read(bad.ID)); r.State != "rejected" {
		t.Errorf("the archived result of the rejected invoice is %+v, want rejected", r)
	}
}

// A package of few invoices makes no bundle, because people look for such invoices one by one.
func TestReceipt_PackageOfFewInvoices_EachIsArchivedByItself(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client(), inPackages)
	pkg, invs := s.settledPackage(w, "P/1", "P/2", "P/3")
	w.must(queue.KindReceipt, pkg)
	for _, inv := range invs {
		if r := s.result(s.read(inv.ID)); r.State != "receipted" {
			t.Errorf("the result is %+v, want receipted", r)
		}
	}
	if objects := s.bundles(invs[0]); len(objects) > 0 {
		t.Errorf("the archive has the bundles %v, want none", objects)
	}
}

// cutStore lets the worker die at one Put or Flush. The call is not carried out, and the context of
// the task ends.
type cutStore struct {
	archive.Store
	suffix string
	die    context.CancelFunc
	dead   atomic.Bool
}

var errDied = errors.New("the process died")

func (c *cutStore) Put(ctx context.Context, name string, data []byte, kind string) error {
	if strings.HasSuffix(name, c.suffix) && c.dead.CompareAndSwap(false, true) {
		c.die()
		return errDied
	}
	return c.Store.Put(ctx, name, data, kind)
}

// Flush makes durable what was put. Only after that may the ledger say that it is archived.
func (c *cutStore) Flush(ctx context.Context, names ...string) error {
	if c.suffix == "flush" && strings.Contains(strings.Join(names, " "), ".jsonl") && c.dead.CompareAndSwap(false, true) {
		c.die()
		return errDied
	}
	return c.Store.Flush(ctx, names...)
}

func TestReceipt_WorkerDiesWhileItWritesABundle_TheNextRunWritesTheSameBytes(t *testing.T) {
	for _, at := range []string{".zip", ".jsonl", "flush"} {
		t.Run(at, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			ctx, die := context.WithCancel(t.Context())
			defer die()
			cut := &cutStore{Store: s.store, suffix: at, die: die}
			w := s.workerWith("w", s.client(), func(p *tasks.Parts) { p.Store = cut }, inPackages)
			pkg, invs := s.settledPackage(w, numbered(35)...)
			if err := w.runWith(ctx, queue.KindReceipt, pkg); err == nil {
				t.Fatal("the run ended without an error although the worker died")
			}
			for _, inv := range invs {
				if now := s.read(inv.ID); now.State != ledger.Accepted || now.UPO != "" {
					t.Fatalf("before the archive has %s, it is %s with receipt %q, want accepted without one",
						inv.Number, now.State, now.UPO)
				}
			}
			w2 := s.worker("w2", s.client(), inPackages)
			w2.must(queue.KindReceipt, pkg)
			s.receiptedInBundles(invs)
			if objects := s.bundles(invs[0]); len(objects) != 2 {
				t.Errorf("two runs left the objects %v, want one bundle of two objects", objects)
			}
		})
	}
}

// refusingStore takes no object that lies below a folder "packages".
type refusingStore struct {
	archive.Store
	err error
}

func (r *refusingStore) Put(ctx context.Context, name string, data []byte, kind string) error {
	if strings.Contains(name, "/packages/") {
		return r.err
	}
	return r.Store.Put(ctx, name, data, kind)
}

func TestReceipt_ArchiveTakesNoBundle_EachInvoiceIsArchivedByItself(t *testing.T) {
	s := newStage(t, simulator.Options{})
	refused := &archive.CallError{Err: os.ErrPermission}
	w := s.workerWith("w", s.client(), func(p *tasks.Parts) { p.Store = &refusingStore{s.store, refused} }, inPackages)
	pkg, invs := s.settledPackage(w, numbered(35)...)
	w.must(queue.KindReceipt, pkg)
	for _, inv := range invs {
		if r := s.result(s.read(inv.ID)); r.State != "receipted" {
			t.Fatalf("the result is %+v, want receipted", r)
		}
	}
	if !s.log.says("each is archived by itself") {
		t.Error("the log does not say that each invoice is archived by itself")
	}
}

// When the store does not answer, the package waits as a whole, because single invoices would take
// more calls. When only bundles get no answer, again and again, the invoices are archived one by
// one.
func TestReceipt_ArchiveHangsAtABundle_ThePackageWaitsWholeAndNotForEver(t *testing.T) {
	s := newStage(t, simulator.Options{})
	sick := &archive.CallError{Sick: true, Err: errors.New("the archive does not answer in time")}
	w := s.workerWith("w", s.client(), func(p *tasks.Parts) { p.Store = &refusingStore{s.store, sick} }, inPackages)
	pkg, invs := s.settledPackage(w, numbered(35)...)
	v := retry.Judge(w.run(queue.KindReceipt, pkg))
	if v.Action != retry.Later || v.Reason != retry.ReasonArchive {
		t.Errorf("the verdict is %+v, want later because of the archive", v)
	}
	for _, inv := range invs {
		if now := s.read(inv.ID); now.State != ledger.Accepted {
			t.Fatalf("%s is %s, want accepted", inv.Number, now.State)
		}
	}
	for _, name := range s.names(invs[0], "") {
		if strings.Contains(name, "/inv-") {
			t.Fatalf("%s was written although the package has to wait as a whole", name)
		}
	}
	for range 2 {
		s.advance(time.Minute)
		_ = w.run(queue.KindReceipt, pkg)
	}
	s.advance(time.Minute)
	w.must(queue.KindReceipt, pkg)
	for _, inv := range invs {
		if r := s.result(s.read(inv.ID)); r.State != "receipted" {
			t.Fatalf("the result is %+v, want receipted", r)
		}
	}
}
