package tasks_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// A session may end in an error after KSeF accepted an invoice in it. In that case the gateway has
// no UPO, neither for the session nor for the invoice. The document and the result are archived all
// the same, and the pauses between requests for the UPO grow.
func TestReceipt_SessionEndsInAnErrorAfterAcceptance_ReasonIsShownAndPausesGrow(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
		t.Run(string(lane), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionSpoiled}}})
			client := s.client()
			w := s.worker("w", client)
			asked := 0
			given := []byte(nil)
			client.upo = func(raw []byte, err error) ([]byte, error) {
				asked++
				if given != nil {
					return given, nil
				}
				return raw, err
			}
			good, bad := s.admit(lane, s.good("A/1")), s.admit(lane, s.bad("A/2"))
			pkg := s.sent(w, good, bad)
			w.settle(pkg)

			var longest time.Duration
			for began := s.now(); s.now().Sub(began) < 30*24*time.Hour; {
				err := w.run(queue.KindReceipt, pkg)
				v := retry.Judge(err)
				if v.Action != retry.Later || v.Delay < time.Second || v.Delay < longest {
					t.Fatalf("after a pause of %v the task ends with %v, want a pause at least as long", longest, err)
				}
				longest = v.Delay
				s.advance(v.Delay)
			}
			if asked > 100 || longest != 24*time.Hour {
				t.Errorf("the receipt was asked for %d times in a month, at last every %v, want at most 100 times, at last once a day",
					asked, longest)
			}
			inv := s.read(good.ID)
			if inv.State != ledger.Accepted || inv.UPO != "" ||
				!strings.Contains(inv.Reason, inv.KsefNumber) || !strings.Contains(inv.Reason, "500") {
				t.Errorf("the invoice is %s with UPO %q, want accepted with none, and its KSeF number and 500 in the reason: %s",
					inv.State, inv.UPO, inv.Reason)
			}
			if r := s.result(inv); r.State != "accepted" || r.KsefNumber != inv.KsefNumber || r.Reason != inv.Reason {
				t.Errorf("the archived result is %+v, want accepted with the number and the reason of the entry", r)
			}
			if r := s.result(s.read(bad.ID)); r.State != "rejected" {
				t.Errorf("the archived result of the bad invoice is %+v, want rejected", r)
			}
			if _, err := s.store.Get(t.Context(), archive.InvoiceName(inv.NIP, inv.IssueDate, inv.ID)); err != nil {
				t.Errorf("the document of the accepted invoice is not in the archive: %v", err)
			}
			if n, err := s.ledger.UnchangedSince(t.Context(), ledger.Accepted, s.now().Add(-time.Hour)); err != nil || n != 1 {
				t.Errorf("%d accepted invoices have not changed for an hour, want 1: %v", n, err)
			}
			if n := len(s.sim.Books().Accepted); n != 1 {
				t.Errorf("KSeF accepted %d invoices, want 1", n)
			}
			// A month later KSeF has the receipt.
			given = receiptOf(inv)
			w.must(queue.KindReceipt, pkg)
			if inv := s.read(good.ID); inv.State != ledger.Receipted || inv.UPO == "" || inv.Reason != "" || s.result(inv).UPO != inv.UPO {
				t.Errorf("with its receipt the invoice is %s with UPO %q and reason %q; "+
					"want receipted without a reason, with a UPO here and in the result",
					inv.State, inv.UPO, inv.Reason)
			}
			if p := s.pkg(pkg); p.State != ledger.PackageReceipted {
				t.Errorf("the package is %s, want receipted", p.State)
			}
		})
	}
}

// The receipt of a processed session may take its time. During the first hour no reason is shown
// and no result is archived. After an hour both are there.
func TestReceipt_ProcessedSessionHasNoneYet_ReasonIsShownAfterAnHour(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	none := true
	client.upo = func(raw []byte, err error) ([]byte, error) {
		if none {
			return nil, &ksef.APIError{
				Op: "fetch session UPO", Kind: ksef.KindRefused, Status: http.StatusBadRequest, Code: 21178,
			}
		}
		return raw, err
	}
	w := s.worker("w", client)
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := s.sent(w, inv)
	w.settle(pkg)
	for range 3 {
		if v := retry.Judge(w.run(queue.KindReceipt, pkg)); v.Action != retry.Later {
			t.Fatalf("the verdict is %+v, want later", v)
		}
		s.advance(15 * time.Minute)
	}
	if got := s.read(inv.ID); got.Reason != "" {
		t.Errorf("after 45 minutes the invoice already has the reason %q, want none", got.Reason)
	}
	if _, err := s.store.Get(t.Context(), archive.ResultName(inv.NIP, inv.IssueDate, inv.ID)); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("after 45 minutes, reading the result returned %v, want the error that the archive does not have it", err)
	}
	s.advance(30 * time.Minute)
	_ = w.run(queue.KindReceipt, pkg)
	got := s.read(inv.ID)
	if got.State != ledger.Accepted || !strings.Contains(got.Reason, "21178") || s.result(got).Reason != got.Reason {
		t.Errorf("after an hour the invoice is %s, want accepted, with 21178 in the reason: %s", got.State, got.Reason)
	}
	none = false
	w.must(queue.KindReceipt, pkg)
	if got := s.read(inv.ID); got.State != ledger.Receipted || got.Reason != "" {
		t.Errorf("with its receipt the invoice is %s with the reason %q, want receipted without a reason", got.State, got.Reason)
	}
}

// An answer that is not a receipt must stay out of the archive, because an archived object is never
// replaced.
func TestReceipt_Unreadable_IsNotArchivedAndIsAskedForAgain(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	broken := true
	client.upo = func(raw []byte, err error) ([]byte, error) {
		if broken {
			return []byte("<Potwierdzenie>"), err
		}
		return raw, err
	}
	w := s.worker("w", client)
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := s.sent(w, inv)
	w.settle(pkg)
	if v := retry.Judge(w.run(queue.KindReceipt, pkg)); v.Action != retry.Later {
		t.Fatalf("the verdict is %+v, want later", v)
	}
	broken = false
	w.must(queue.KindReceipt, pkg)
	if got := s.read(inv.ID); got.State != ledger.Receipted {
		t.Errorf("with its receipt the invoice is %s, want receipted: %s", got.State, got.Reason)
	}
}

// receiptOf returns a UPO of some invoices.
func receiptOf(invs ...ledger.Invoice) []byte {
	var b strings.Builder
	b.WriteString(`<Potwierdzenie xmlns="http://upo.schematy.mf.gov.pl/KSeF/v4-3">`)
	for _, inv := range invs {
		fmt.Fprintf(&b, "<Dokument><NipSprzedawcy>%s</NipSprzedawcy><NumerKSeFDokumentu>%s</NumerKSeFDokumentu>"+
			"<NumerFaktury>%s</NumerFaktury><SkrotDokumentu>%s</SkrotDokumentu></Dokument>",
			inv.NIP, inv.KsefNumber, inv.Number, inv.Hash)
	}
	b.WriteString(`</Potwierdzenie>`)
	return []byte(b.String())
}
