package tasks_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// silentClient returns errors for the list of a session or for the status of single invoices. A nil
// error lets the answer through.
type silentClient struct {
	*testClient
	list, status error
}

func (client *silentClient) SessionInvoices(ctx context.Context, session string) ([]ksef.InvoiceInfo, error) {
	if client.list != nil {
		return nil, client.list
	}
	return client.testClient.SessionInvoices(ctx, session)
}

func (client *silentClient) InvoiceStatus(ctx context.Context, reference string) (ksef.InvoiceInfo, error) {
	if client.status != nil {
		return ksef.InvoiceInfo{}, client.status
	}
	return client.testClient.InvoiceStatus(ctx, reference)
}

// The gateway always refuses the list of a processed session, or gives one that cannot be read. The
// receipt proves by content which invoices were accepted.
func TestNoList_SessionProcessed_TheReceiptDecides(t *testing.T) {
	for name, err := range map[string]error{
		"refused": refusedError("list session invoices"),
		"unreadable": &ksef.APIError{
			Op: "list session invoices", Kind: ksef.KindUnreadable, Status: 200, Group: ksef.GroupSessionInvoiceList,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.worker("w", &silentClient{testClient: s.client(), list: err})
			first, second, pkg := s.sentPair(w, ledger.Bulk)
			w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Second); return s.pkg(pkg).State == ledger.PackageSettled })
			for _, inv := range []ledger.Invoice{first, second} {
				if got := s.read(inv.ID); got.State != ledger.Accepted {
					t.Errorf("%s is %s, want accepted: %s", got.Number, got.State, got.Reason)
				}
			}
		})
	}
}

// An invoice that the receipt does not have may have been refused. Without a list it is not sent
// again. It waits with a reason, and in the end a person has to decide.
func TestNoList_NotInTheReceipt_WaitsAndIsNotSentAgain(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", &silentClient{testClient: s.client(), list: refusedError("list session invoices")})
	good, bad := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.bad("A/2"))
	pkg := s.sent(w, good, bad)
	w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Second); return s.read(good.ID).State == ledger.Accepted })
	if got := s.read(bad.ID); got.State != ledger.Sent || got.Package != pkg || got.Reason == "" {
		t.Fatalf("%s is %s in %s, want sent in the first package, with a reason: %q", got.Number, got.State, got.Package, got.Reason)
	}
	w.until(queue.KindConfirm, pkg, func() bool { s.advance(5 * time.Minute); return s.read(bad.ID).State == ledger.Parked })
	if n := len(s.sim.Books().Accepted); n != 1 {
		t.Errorf("KSeF accepted %d invoices, want 1", n)
	}
}

// A session ends in an error, but KSeF has its invoices. The list of the session is short or
// refused, so the worker asks for the receipt before it sends anything again.
func TestFailedSession_KSeFHasItsInvoices_NothingIsSentAgain(t *testing.T) {
	for _, code := range []int{299, 405, 500} {
		for _, list := range []string{"refused", "short"} {
			t.Run(fmt.Sprint(code, " ", list), func(t *testing.T) {
				s := newStage(t, simulator.Options{})
				client := &silentClient{testClient: s.client()}
				client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
					if i.Status.Done() {
						return ksef.SessionInfo{Status: ksef.StatusInfo{Code: code, Description: "?"}}
					}
					return i
				}
				if list == "refused" {
					client.list = refusedError("list session invoices")
				} else {
					client.listed = func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo { return all[:min(1, len(all))] }
				}
				w := s.worker("w", client)
				invs := []ledger.Invoice{s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))}
				pkg := s.sent(w, invs...)
				w.until(queue.KindConfirm, pkg, func() bool {
					s.advance(time.Second)
					return !s.pkg(pkg).State.Live() || s.pkg(pkg).State == ledger.PackageSettled
				})
				for _, inv := range invs {
					if got := s.read(inv.ID); got.State != ledger.Accepted || got.Package != pkg {
						t.Errorf("%s is %s in %s, want accepted in the first package: %s", got.Number, got.State, got.Package, got.Reason)
					}
				}
			})
		}
	}
}

// The list of a failed session has one accepted invoice and lacks another, and there is no receipt.
// This proves nothing about the invoice that the list lacks.
func TestFailedSession_AnAcceptanceInItsListAndNoReceipt_TheOthersWait(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
		if i.Status.Done() {
			return ksef.SessionInfo{Status: ksef.StatusInfo{Code: ksef.BatchSessionKeyNotDecrypted, Description: "?"}}
		}
		return i
	}
	client.listed = hide("A/2")
	client.upo = notGiven
	w := s.worker("w", client)
	first, second, pkg := s.sentPair(w, ledger.Bulk)
	w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Second); return s.read(first.ID).State == ledger.Accepted })
	if got := s.read(second.ID); got.State != ledger.Sent || got.Package != pkg || got.Reason == "" {
		t.Errorf("%s is %s in %s, want sent in the first package, with a reason: %q", got.Number, got.State, got.Package, got.Reason)
	}
}

// KSeF has confirmed a single send with a reference. The session's list and count are late, KSeF
// refuses to tell the invoice's status, and there is no receipt. The reference proves that the
// invoice did arrive, whatever the other answers leave out.
func TestExpress_ConfirmedSend_NeverCountsAsAbsent(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := &silentClient{testClient: s.client(), status: refusedError("invoice status")}
	client.listed = hide("A/2")
	client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
		if i.Counted && i.InvoiceCount == 2 {
			i.InvoiceCount, i.SuccessfulInvoiceCount = 1, 1
		}
		return i
	}
	client.upo = notGiven
	w := s.worker("w", client)
	first, second, pkg := s.sentPair(w, ledger.Express)
	w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Second); return s.read(first.ID).State == ledger.Accepted })
	if got := s.read(second.ID); got.State != ledger.Sent || got.Reason == "" {
		t.Fatalf("%s is %s, want sent, with a reason: %q", got.Number, got.State, got.Reason)
	}
	client.listed = nil // the list is up to date
	w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Minute); return s.read(second.ID).State == ledger.Accepted })
	if n := len(s.sim.Books().Accepted); n != 2 {
		t.Errorf("KSeF accepted %d invoices, want 2", n)
	}
}
