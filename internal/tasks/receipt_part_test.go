package tasks_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// withoutLine removes the line of one invoice from a receipt.
func withoutLine(raw []byte, number string) []byte {
	return regexp.MustCompile(`(?s)\s*<Dokument>.*?</Dokument>`).ReplaceAllFunc(raw, func(line []byte) []byte {
		if bytes.Contains(line, []byte("<NumerFaktury>"+number+"</NumerFaktury>")) {
			return nil
		}
		return line
	})
}

// incompleteWhile leaves the line of A/1 out of every receipt while short is true.
func incompleteWhile(short *bool) func([]byte, error) ([]byte, error) {
	return func(raw []byte, err error) ([]byte, error) {
		if *short && err == nil {
			return withoutLine(raw, "A/1"), nil
		}
		return raw, err
	}
}

// settledPair settles a package of A/1 and A/2.
func (po *paths) settledPair(w *actor) (first, second ledger.Invoice, pkg string) {
	po.t.Helper()
	pkg, invs := po.settledPackage(w, "A/1", "A/2")
	return invs[0], invs[1], pkg
}

// A receipt that lacks an accepted invoice is not kept as the session's receipt. It is asked for
// again, and the accepted invoice stays accepted.
func TestReceipt_LacksAnAcceptedInvoice_AskedForAgainAndKeptWhenComplete(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	short := true
	client.upo = incompleteWhile(&short)
	w := s.worker("w", client)
	first, second, pkg := s.settledPair(w)
	if v := retry.Judge(w.run(queue.KindReceipt, pkg)); v.Action != retry.Later {
		t.Fatalf("the verdict is %+v, want later", v)
	}
	name := archive.ReceiptName(s.nip(), s.now().Format(time.DateOnly), s.pkg(pkg).Session)
	if _, err := s.store.Get(t.Context(), name); err == nil {
		t.Error("an incomplete receipt is kept under the session's name")
	}
	if got := s.read(first.ID); got.State != ledger.Accepted || got.Reason != "" {
		t.Errorf("the invoice that the receipt lacks is %s, want accepted without a reason: %s", got.State, got.Reason)
	}
	short = false
	w.must(queue.KindReceipt, pkg)
	for _, id := range []string{first.ID, second.ID} {
		if got := s.read(id); got.State != ledger.Receipted {
			t.Errorf("%s is %s, want receipted: %s", got.Number, got.State, got.Reason)
		}
	}
	if kept, err := s.store.Get(t.Context(), name); err != nil || !bytes.Contains(kept, []byte("A/1")) {
		t.Errorf("the complete receipt is not kept under the session's name: %v", err)
	}
	s.acceptedOnce(2)
}

// The receipt stays incomplete for hours. After the first hour the invoice that it attests is
// receipted. The invoice that it lacks stays accepted with a reason, and the receipt is asked for
// again.
func TestReceipt_LacksAnAcceptedInvoiceForEver_TheOthersDoNotWaitForIt(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	short := true
	client.upo = incompleteWhile(&short)
	w := s.worker("w", client)
	first, second, pkg := s.settledPair(w)
	s.advance(2 * time.Hour)
	if v := retry.Judge(w.run(queue.KindReceipt, pkg)); v.Action != retry.Later {
		t.Fatalf("the verdict is %+v, want later", v)
	}
	if got := s.read(second.ID); got.State != ledger.Receipted || got.UPO == "" {
		t.Errorf("the invoice that the receipt attests is %s, want receipted: %s", got.State, got.Reason)
	}
	got := s.read(first.ID)
	if got.State != ledger.Accepted || !strings.Contains(got.Reason, "1 of 2 accepted") || s.result(got).KsefNumber != got.KsefNumber {
		t.Errorf("the invoice that the receipt lacks is %s, want accepted, with a reason and a result: %s", got.State, got.Reason)
	}
	if err := s.ledger.Retry(t.Context(), &got); err == nil {
		t.Error("an accepted invoice could be sent again")
	}
	s.advance(25 * time.Hour)
	short = false
	w.must(queue.KindReceipt, pkg)
	if got := s.read(first.ID); got.State != ledger.Receipted || got.Reason != "" {
		t.Errorf("with its receipt the invoice is %s with the reason %q, want receipted without a reason", got.State, got.Reason)
	}
	s.acceptedOnce(2)
}

// An older build kept an incomplete receipt under the session's name. KSeF is asked for the receipt
// again, and the complete receipt is kept beside the incomplete one.
func TestReceipt_IncompleteReceiptIsArchived_TheCompleteOneIsKeptBesideIt(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	w := s.worker("w", client)
	first, second, pkg := s.settledPair(w)
	raw, err := client.SessionUPO(t.Context(), s.pkg(pkg).Session)
	if err != nil {
		t.Fatal(err)
	}
	name := archive.ReceiptName(s.nip(), s.now().Format(time.DateOnly), s.pkg(pkg).Session)
	if err := s.store.Put(t.Context(), name, withoutLine(raw, "A/1"), "application/xml"); err != nil {
		t.Fatal(err)
	}
	w.must(queue.KindReceipt, pkg)
	for _, id := range []string{first.ID, second.ID} {
		if got := s.read(id); got.State != ledger.Receipted || got.UPO == s.store.URL(name) {
			t.Errorf("%s is %s with the receipt %s, want receipted with the complete receipt: %s",
				got.Number, got.State, got.UPO, got.Reason)
		}
	}
}

// The receipt or the list spells the KSeF number with 36 characters and not with 35. It is the same
// number.
func TestReceipt_NumberInAnotherSpelling_IsTheSameNumber(t *testing.T) {
	long := func(n string) string { return n[:26] + "-" + n[26:] }
	for _, where := range []string{"receipt", "list"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			client := s.client()
			client.upo = func(raw []byte, err error) ([]byte, error) {
				for _, a := range s.sim.Books().Accepted {
					if where == "receipt" {
						raw = bytes.ReplaceAll(raw, []byte(a.KsefNumber), []byte(long(a.KsefNumber)))
					}
				}
				return raw, err
			}
			if where == "list" {
				client.listed = longNumbers
			}
			w := s.worker("w", client)
			inv := s.admit(ledger.Bulk, s.good("A/1"))
			pkg := s.sent(w, inv)
			w.settle(pkg)
			w.must(queue.KindReceipt, pkg)
			got := s.read(inv.ID)
			if got.State != ledger.Receipted || got.KsefNumber != s.sim.Books().Accepted[0].KsefNumber {
				t.Errorf("the invoice is %s as %s, want receipted with the number in KSeF's spelling: %s",
					got.State, got.KsefNumber, got.Reason)
			}
			s.acceptedOnce(1)
		})
	}
}

// The original is from KSeF's first version, whose numbers have 36 characters and another checksum.
// Such a number is accepted by its form.
func TestRecover_OriginalHasANumberOfKSeF1_AcceptedByItsForm(t *testing.T) {
	for _, upo := range []bool{true, false} {
		t.Run(fmt.Sprint("receipt ", upo), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			client := s.client()
			w := s.worker("w", client)
			doc := s.seeded("A/1", 1)
			original := s.known(w, doc)[0]
			first := original.KsefNumber[:20] + "80B510-9675F7-B5" // no checksum of KSeF 2.0
			client.listed = renameOriginal(first)
			client.upo = func(raw []byte, err error) ([]byte, error) {
				if !upo {
					return nil, refusedError("fetch session UPO")
				}
				return bytes.ReplaceAll(raw, []byte(original.KsefNumber), []byte(first)), err
			}
			asked := ""
			client.given = func([]byte, error) ([]byte, error) { asked = first; return doc, nil }
			inv := s.admit(ledger.Bulk, doc)
			pkg := s.sent(w, inv)
			got, _ := s.final(w, pkg, inv.ID)
			if got.State != ledger.Accepted || got.KsefNumber != first || !got.Recovered {
				t.Errorf("the invoice is %s as %s, want accepted and recovered as the original: %s", got.State, got.KsefNumber, got.Reason)
			}
			if !upo && asked == "" {
				t.Error("the original was not fetched")
			}
		})
	}
}
