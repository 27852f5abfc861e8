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
	"ksefworker/internal/tasks"
)

// silentDoor gives no list, or no status of single invoices; nil lets through what the door gives.
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

func (s *stage) silentWorker(client *silentClient) *actor {
	return s.workerWith("w", client.testClient, func(p *tasks.Parts) {
		p.Transport = func(string) (tasks.Transport, bool) { return client, true }
	})
}

// The gateway refuses the list of a processed session, or nobody can read it, for ever: the receipt
// decides by content about what was accepted.
func TestNoList_TheReceiptDecides(t *testing.T) {
	for name, err := range map[string]error{
		"refused": refusedError("list session invoices"),
		"unreadable": &ksef.APIError{
			Op: "list session invoices", Kind: ksef.KindUnreadable, Status: 200, Group: ksef.GroupSessionInvoiceList,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.silentWorker(&silentClient{testClient: s.client(), list: err})
			first, second := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
			pkg := s.sent(w, first, second)
			w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Second); return s.pkg(pkg).State == ledger.PackageSettled })
			for _, inv := range []ledger.Invoice{first, second} {
				if got := s.read(inv.ID); got.State != ledger.Accepted {
					t.Errorf("%s is %s: %s", got.Number, got.State, got.Reason)
				}
			}
		})
	}
}

// What the receipt does not have may have been refused: without a list it is not sent again, it
// waits and says why, and in the end a person has to look.
func TestNoList_NotInTheReceipt_WaitsAndIsNotSentAgain(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.silentWorker(&silentClient{testClient: s.client(), list: refusedError("list session invoices")})
	good, bad := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.bad("A/2"))
	pkg := s.sent(w, good, bad)
	w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Second); return s.read(good.ID).State == ledger.Accepted })
	if got := s.read(bad.ID); got.State != ledger.Sent || got.Package != pkg || got.Reason == "" {
		t.Fatalf("%s is %s in %s: %q", got.Number, got.State, got.Package, got.Reason)
	}
	w.until(queue.KindConfirm, pkg, func() bool { s.advance(5 * time.Minute); return s.read(bad.ID).State == ledger.Parked })
	if n := len(s.sim.Books().Accepted); n != 1 {
		t.Errorf("KSeF accepted %d", n)
	}
}

// A session ends in an error, and yet KSeF took what was in it: its list is short or refused, so
// its receipt is asked before anything is sent again.
func TestFailedSession_ItTookTheInvoicesAllTheSame_NothingIsSentAgain(t *testing.T) {
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
				w := s.silentWorker(client)
				invs := []ledger.Invoice{s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))}
				pkg := s.sent(w, invs...)
				w.until(queue.KindConfirm, pkg, func() bool {
					s.advance(time.Second)
					return !s.pkg(pkg).State.Live() || s.pkg(pkg).State == ledger.PackageSettled
				})
				for _, inv := range invs {
					if got := s.read(inv.ID); got.State != ledger.Accepted || got.Package != pkg {
						t.Errorf("%s is %s in %s: %s", got.Number, got.State, got.Package, got.Reason)
					}
				}
			})
		}
	}
}

// The list of a failed session has an acceptance and lacks another invoice, and there is no
// receipt: silence about that one proves nothing.
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
	client.upo = func([]byte, error) ([]byte, error) { return nil, refusedError("session UPO") }
	w := s.worker("w", client)
	first, second := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
	pkg := s.sent(w, first, second)
	w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Second); return s.read(first.ID).State == ledger.Accepted })
	if got := s.read(second.ID); got.State != ledger.Sent || got.Package != pkg || got.Reason == "" {
		t.Errorf("%s is %s in %s: %q", got.Number, got.State, got.Package, got.Reason)
	}
}

// KSeF has confirmed a single send with a reference. List and count lag behind, its status is
// refused and there is no receipt: it did arrive, whatever they leave out.
func TestExpress_ConfirmedSend_IsNeverTakenForAbsent(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := &silentClient{testClient: s.client(), status: refusedError("invoice status")}
	client.listed = hide("A/2")
	client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
		if i.Counted && i.InvoiceCount == 2 {
			i.InvoiceCount, i.SuccessfulInvoiceCount = 1, 1
		}
		return i
	}
	client.upo = func([]byte, error) ([]byte, error) { return nil, refusedError("session UPO") }
	w := s.silentWorker(client)
	first, second := s.admit(ledger.Express, s.good("A/1")), s.admit(ledger.Express, s.good("A/2"))
	pkg := s.sent(w, first, second)
	w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Second); return s.read(first.ID).State == ledger.Accepted })
	if got := s.read(second.ID); got.State != ledger.Sent || got.Reason == "" {
		t.Fatalf("%s is %s: %q", got.Number, got.State, got.Reason)
	}
	client.listed = nil // the list catches up
	w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Minute); return s.read(second.ID).State == ledger.Accepted })
	if n := len(s.sim.Books().Accepted); n != 2 {
		t.Errorf("KSeF accepted %d", n)
	}
}
