package tasks_test

import (
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// Three invoices are recovered as duplicates. One session has all three originals, and for a while
// KSeF's receipt of that session leaves one of them out. Once the receipt is complete, all three
// invoices are receipted.
func TestRecover_ReceiptOfTheOriginalsIsIncompleteForAWhile_AllAreReceiptedLater(t *testing.T) {
	for name, whole := range map[string]time.Duration{"for minutes": 20 * time.Minute, "for a day": 30 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			client := s.client()
			w := s.worker("w", client)
			docs := [][]byte{s.seeded("A/1", 1), s.seeded("A/2", 2), s.seeded("A/3", 3)}
			var invs []ledger.Invoice
			for _, doc := range docs {
				invs = append(invs, s.admit(ledger.Bulk, doc))
			}
			pkg := s.sent(w, invs...)
			w.settle(pkg)
			s.loseRedis()
			began := s.now()
			client.upo = func(raw []byte, err error) ([]byte, error) {
				if err == nil && s.now().Sub(began) < whole {
					return withoutLine(raw, "A/1"), nil
				}
				return raw, err
			}
			invs = nil
			for _, doc := range docs {
				invs = append(invs, s.admit(ledger.Bulk, doc))
			}
			pkg = s.sent(w, invs...)
			w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Second); return s.pkg(pkg).State == ledger.PackageSettled })
			w.until(queue.KindReceipt, pkg, func() bool {
				s.advance(5 * time.Minute)
				return s.pkg(pkg).State == ledger.PackageReceipted
			})
			for _, inv := range invs {
				if got := s.read(inv.ID); got.State != ledger.Receipted || got.UPO == "" {
					t.Errorf("%s is %s with receipt %q, want receipted with a receipt: %s", got.Number, got.State, got.UPO, got.Reason)
				}
			}
		})
	}
}
