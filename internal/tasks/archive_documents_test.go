package tasks_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/results"
	"ksefworker/internal/simulator"
)

// result reads the result of an invoice from the archive.
func (en *entries) result(inv ledger.Invoice) results.Result {
	en.t.Helper()
	data, err := en.store.Get(en.t.Context(), archive.ResultName(inv.NIP, inv.IssueDate, inv.ID))
	if err != nil {
		en.t.Fatalf("result of %s: %v", inv.Number, err)
	}
	var r results.Result
	if err := json.Unmarshal(data, &r); err != nil {
		en.t.Fatal(err)
	}
	return r
}

// parkedAndArchived checks that an invoice is parked and that the archive has the same reason.
func (en *entries) parkedAndArchived(id string) {
	en.t.Helper()
	inv := en.read(id)
	if inv.State != ledger.Parked {
		en.t.Fatalf("%s is %s, want parked: %s", inv.Number, inv.State, inv.Reason)
	}
	if r := en.result(inv); r.State != "parked" || r.Reason != inv.Reason || r.Reason == "" {
		en.t.Errorf("the archive has %s with the reason %q, want parked with the ledger's reason %q", r.State, r.Reason, inv.Reason)
	}
}

// loseDocument deletes the stored document of an invoice.
func (fa *failures) loseDocument(id string) {
	fa.t.Helper()
	if err := fa.rdb.Del(fa.t.Context(), "ksef:body:"+id).Err(); err != nil {
		fa.t.Fatal(err)
	}
}

// losePackage deletes the entry of a package, and lets so much time pass that the sweep looks at
// the invoices of the package.
func (fa *failures) losePackage(pkg string) {
	fa.t.Helper()
	if err := fa.rdb.Del(fa.t.Context(), "ksef:pkg:"+pkg).Err(); err != nil {
		fa.t.Fatal(err)
	}
	fa.advance(2 * time.Minute)
}

func TestDocuments_GatewayRefusesToOpenASession_ParkedAndArchived(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Refused, On: "openBatch"}}})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	w.cut(inv.ID)
	w.must(queue.KindPackage, s.read(inv.ID).Package)
	other := w.cut(s.admit(ledger.Bulk, s.good("A/2")).ID) // goes through, so the first invoice is at fault
	w.must(queue.KindPackage, other)
	w.settle(other)
	if err := s.sim.Inject(simulator.Fault{Kind: simulator.Refused, On: "openBatch", Times: -1}); err != nil {
		t.Fatal(err)
	}
	pkg, tries := "", 1
	for ; s.read(inv.ID).State == ledger.Packed && tries < 10; tries++ {
		pkg = s.read(inv.ID).Package
		w.must(queue.KindPackage, pkg)
	}
	if tries != 3 {
		t.Errorf("the invoice is parked after %d refusals, want 3", tries)
	}
	w.must(queue.KindReceipt, pkg)
	s.parkedAndArchived(inv.ID)
	if p := s.pkg(pkg); p.State != ledger.PackageReceipted {
		t.Errorf("the package of the parked invoice is %s, want receipted", p.State)
	}
}

func TestDocuments_DocumentLostInEitherLane_ParkedAndArchivedAndOthersGoOn(t *testing.T) {
	t.Run("express", func(t *testing.T) {
		s := newStage(t, simulator.Options{})
		w := s.worker("w", s.client())
		inv := s.admit(ledger.Express, s.good("A/1"))
		s.loseDocument(inv.ID)
		w.must(queue.KindSend, inv.ID)
		got := s.read(inv.ID)
		w.until(queue.KindCut, got.WaitingGroup().Name(), func() bool { return s.read(inv.ID).State == ledger.Packed })
		pkg := s.read(inv.ID).Package
		w.must(queue.KindPackage, pkg)
		w.must(queue.KindReceipt, pkg)
		s.parkedAndArchived(inv.ID)
	})
	t.Run("alone in a package", func(t *testing.T) {
		s := newStage(t, simulator.Options{})
		w := s.worker("w", s.client())
		inv := s.admit(ledger.Bulk, s.good("A/1"))
		pkg := w.cut(inv.ID)
		s.loseDocument(inv.ID)
		w.must(queue.KindPackage, pkg)
		w.must(queue.KindReceipt, pkg)
		s.parkedAndArchived(inv.ID)
	})
	t.Run("in a package that has to be built twice", func(t *testing.T) {
		s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Status, Code: 503, On: "openBatch"}}})
		w := s.worker("w", s.client())
		lost, other := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
		pkg := w.together(lost, other)
		s.loseDocument(lost.ID)
		if err := w.run(queue.KindPackage, pkg); err == nil {
			t.Fatal("a session was opened during an outage")
		}
		w.must(queue.KindPackage, pkg)
		w.until(queue.KindConfirm, pkg, func() bool { return s.read(other.ID).State == ledger.Accepted })
		w.must(queue.KindReceipt, pkg)
		s.parkedAndArchived(lost.ID)
	})
	t.Run("in a package whose parts are refused", func(t *testing.T) {
		s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Refused, On: "part"}}})
		w := s.worker("w", s.client())
		lost, other := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
		pkg := w.together(lost, other)
		s.loseDocument(lost.ID)
		w.must(queue.KindPackage, pkg)
		if got := s.read(other.ID); got.State != ledger.Queued || got.Group == "" {
			t.Errorf("the other invoice is %s in group %q, want it to wait in its set", got.State, got.Group)
		}
		w.must(queue.KindReceipt, pkg)
		s.parkedAndArchived(lost.ID)
	})
}

// The receipt attests another content of an accepted invoice. KSeF has the invoice, so the invoice
// stays accepted. If it were parked, a person could send it again. The reason says what the receipt
// attests.
func TestDocuments_ReceiptAttestsOtherContent_StaysAcceptedWithAReason(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	w := s.worker("w", client)
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	client.upo = func(raw []byte, err error) ([]byte, error) {
		return bytes.ReplaceAll(raw, []byte("<SkrotDokumentu>"), []byte("<SkrotDokumentu>x")), err
	}
	pkg := w.cut(inv.ID)
	w.must(queue.KindPackage, pkg)
	w.settle(pkg)
	w.must(queue.KindReceipt, pkg)
	got := s.read(inv.ID)
	if got.State != ledger.Accepted || !strings.Contains(got.Reason, "attests another content") || s.result(got).Reason != got.Reason {
		t.Errorf("the invoice is %s, want accepted, with another content in the reason: %s; the archived result is %+v",
			got.State, got.Reason, s.result(got))
	}
	if err := s.ledger.Retry(t.Context(), &got); err == nil {
		t.Error("an accepted invoice could be sent again")
	}
}

func TestDocuments_PackageIsGone_InvoiceIsParkedAndArchived(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(inv.ID)
	s.losePackage(pkg)
	w.must(queue.KindSweep, "1")
	s.parkedAndArchived(inv.ID)
}

// A slow sweep has read an invoice that is on its way to KSeF, and then finds that its package has
// ended. The decision that was made meanwhile stands, in the ledger and in the archive.
func TestDocuments_InvoiceIsDecidedDuringASweep_ItsResultStands(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w, late := s.worker("w", s.client()), s.worker("late", s.client())
	inv := s.admit(ledger.Bulk, s.bad("A/1"))
	pkg := s.sent(w, inv)
	s.advance(2 * time.Minute)
	p := s.pkg(pkg)
	// The package is changed now, so that the sweep finds only the invoice among the entries that
	// have not changed for a while.
	if err := s.ledger.MovePackage(t.Context(), &p, ledger.PackageMove{Edit: ledger.PackageEdit{}.Owner("w")}); err != nil {
		t.Fatal(err)
	}
	between := &before{is: func(args []any) bool { return args[0] == "hgetall" && args[1] == "ksef:pkg:"+pkg }, do: func() {
		w.settle(pkg)
		w.must(queue.KindReceipt, pkg)
	}}
	late.rdb.AddHook(between)
	_ = late.run(queue.KindSweep, "1")
	if !between.done.Load() {
		t.Fatal("nothing was decided meanwhile, so this test proves nothing")
	}
	if got := s.read(inv.ID); got.State != ledger.Rejected {
		t.Errorf("the invoice is %s, want rejected: %s", got.State, got.Reason)
	}
	if r := s.result(inv); r.State != "rejected" {
		t.Errorf("the archived result is %+v, want rejected", r)
	}
}
