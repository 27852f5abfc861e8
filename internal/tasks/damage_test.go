package tasks_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// settledPackage sends good invoices with these numbers in a package and settles it.
func (po *paths) settledPackage(w *actor, numbers ...string) (pkg string, invs []ledger.Invoice) {
	po.t.Helper()
	for _, n := range numbers {
		invs = append(invs, po.entries.admit(ledger.Bulk, po.samples.good(n)))
	}
	pkg = po.sent(w, invs...)
	w.settle(pkg)
	for i := range invs {
		invs[i] = po.entries.read(invs[i].ID)
	}
	return pkg, invs
}

// archiveFolder returns the folder of the archive.
func (en *entries) archiveFolder() string {
	return strings.TrimPrefix(strings.TrimSuffix(en.store.URL("x"), "x"), "file://")
}

// One archived object of an invoice is damaged, in different ways and places. The object is left as
// it is, a sound copy is put beside it, and the entry of the invoice names both. All invoices of
// the package are receipted as usual.
func TestReceipt_ArchivedObjectIsDamaged_ACopyIsKeptBesideItAndOthersGoOn(t *testing.T) {
	folder := func(t *testing.T, file string) {
		t.Helper()
		if err := os.MkdirAll(file, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	other := func(t *testing.T, file string) { t.Helper(); writeFile(t, file, "<Faktura>of somebody else</Faktura>") }
	for name, damage := range map[string]struct {
		result bool // the result is damaged; otherwise the document
		do     func(t *testing.T, file string)
	}{
		"other bytes":                       {false, other},
		"a folder in place of the document": {false, folder},
		"a folder in place of the result":   {true, folder},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			pkg, invs := s.settledPackage(w, "A/1", "A/2", "A/3")
			bad := invs[1]
			place := archive.InvoiceName(bad.NIP, bad.IssueDate, bad.ID)
			if damage.result {
				place = archive.ResultName(bad.NIP, bad.IssueDate, bad.ID)
			}
			damage.do(t, filepath.Join(s.archiveFolder(), place))
			w.must(queue.KindReceipt, pkg)
			for _, inv := range invs {
				if got := s.read(inv.ID); got.State != ledger.Receipted {
					t.Errorf("%s is %s, want receipted: %s", inv.Number, got.State, got.Reason)
				}
			}
			copied := archive.CopyName(place, 2)
			if _, err := s.store.Get(t.Context(), copied); err != nil {
				t.Errorf("the sound copy cannot be read: %v", err)
			}
			got := s.read(bad.ID)
			if !strings.Contains(got.Reason, s.store.URL(place)) || !strings.Contains(got.Reason, s.store.URL(copied)) {
				t.Errorf("the entry says %q, want it to name the damaged object and its copy", got.Reason)
			}
			if !damage.result && s.result(bad).Reason != got.Reason {
				t.Errorf("the result says %q and the entry %q, want the same", s.result(bad).Reason, got.Reason)
			}
			if s.read(invs[0].ID).Reason != "" || !s.log.says("a damaged object of an invoice") {
				t.Errorf("a sound invoice has the reason %q, want none; the damage is in the log: %v, want true",
					s.read(invs[0].ID).Reason, s.log.says("a damaged object of an invoice"))
			}
			if name == "other bytes" {
				if held, err := s.store.Get(t.Context(), place); err != nil || !strings.Contains(string(held), "somebody else") {
					t.Errorf("the damaged object was overwritten: %q, %v", held, err)
				}
			}
		})
	}
}

// writeFile writes a file and makes its folder.
func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestReceipt_ArchivedReceiptIsDamaged_AskedForAgainAndKeptBesideIt(t *testing.T) {
	for name, text := range map[string]string{"cut off": "<Potwierdzenie><Dokument>", "empty": "", "something else": "<html/>"} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			pkg, invs := s.settledPackage(w, "A/1", "A/2")
			p := s.pkg(pkg)
			day := p.OpenedAt.Time().In(invoice.Warsaw()).Format(time.DateOnly)
			if d, err := time.Parse("20060102", p.Session[:8]); err == nil {
				day = d.Format(time.DateOnly)
			}
			place := archive.ReceiptName(invs[0].NIP, day, p.Session)
			writeFile(t, filepath.Join(s.archiveFolder(), place), text)
			w.must(queue.KindReceipt, pkg)
			copied := archive.CopyName(place, 2)
			for _, inv := range invs {
				if got := s.read(inv.ID); got.State != ledger.Receipted || got.UPO != s.store.URL(copied) {
					t.Errorf("%s is %s with receipt %q (%s), want receipted with %s",
						inv.Number, got.State, got.UPO, got.Reason, s.store.URL(copied))
				}
			}
			if p := s.pkg(pkg); p.State != ledger.PackageReceipted || !strings.Contains(p.Reason, s.store.URL(place)) {
				t.Errorf("the package is %s, want receipted, with the damaged receipt in the reason: %q", p.State, p.Reason)
			}
			if held, err := os.ReadFile(filepath.Join(s.archiveFolder(), place)); err != nil || string(held) != text {
				t.Errorf("the damaged receipt was changed to %q, %v", held, err)
			}
			if !s.log.says("the archived receipt is damaged") {
				t.Error("the log does not say that the archived receipt is damaged")
			}
		})
	}
}

// pickyStore is a store that refuses to take an object and its copies, or does not answer when it
// is given one of them.
type pickyStore struct {
	archive.Store
	name string
	err  error
	hang chan struct{} // closed when the store is well again
}

func (p *pickyStore) Put(ctx context.Context, name string, data []byte, kind string) error {
	if strings.HasPrefix(name, p.name) {
		select {
		case <-p.hang:
		default:
			if p.err != nil {
				return p.err
			}
			<-p.hang
		}
	}
	return p.Store.Put(ctx, name, data, kind)
}

// The archive refuses one object and its copy, or does not answer when it is given one of the two.
// The invoice of the object stays accepted with a reason, and the other invoices of the package are
// receipted. When the archive takes the object, its invoice is receipted too.
func TestReceipt_OneDocumentCannotBeArchived_ItWaitsWithAReasonAndOthersGoOn(t *testing.T) {
	for name, fault := range map[string]error{"refused": os.ErrPermission, "hangs": nil} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			pkg, invs := s.settledPackage(w, "A/1", "A/2", "A/3")
			bad := invs[1]
			picky := &pickyStore{
				Store: s.store, err: fault, hang: make(chan struct{}),
				name: strings.TrimSuffix(archive.InvoiceName(bad.NIP, bad.IssueDate, bad.ID), ".xml"),
			}
			if fault != nil {
				picky.err = &os.PathError{Op: "open", Path: picky.name, Err: os.ErrPermission}
			}
			sound := s.store
			s.store = archive.Guard(picky, archive.Options{Timeout: 100 * time.Millisecond})
			w2 := s.worker("w2", s.client())
			for range 2 {
				v := retry.Judge(w2.run(queue.KindReceipt, pkg))
				if v.Action != retry.Later || v.Reason != retry.ReasonArchive || v.Delay < time.Second {
					t.Errorf("the verdict on the task is %+v, want later because of the archive, in a second or more", v)
				}
			}
			for _, inv := range []ledger.Invoice{invs[0], invs[2]} {
				if got := s.read(inv.ID); got.State != ledger.Receipted {
					t.Errorf("%s is %s, want receipted: %s", inv.Number, got.State, got.Reason)
				}
			}
			got := s.read(bad.ID)
			if got.State != ledger.Accepted || !strings.Contains(got.Reason, "cannot be archived") ||
				!strings.Contains(got.Reason, got.KsefNumber) {
				t.Errorf("the invoice of the refused object is %s: %q; want accepted, with a reason that has its KSeF number %s",
					got.State, got.Reason, got.KsefNumber)
			}
			close(picky.hang)
			s.store = sound
			w3 := s.worker("w3", s.client())
			w3.must(queue.KindReceipt, pkg)
			if got := s.read(bad.ID); got.State != ledger.Receipted || got.Reason != "" {
				t.Errorf("after the archive took the object, its invoice is %s with reason %q, want receipted without a reason",
					got.State, got.Reason)
			}
			if p := s.pkg(pkg); p.State != ledger.PackageReceipted {
				t.Errorf("the package is %s, want receipted", p.State)
			}
		})
	}
}
