package tasks_test

import (
	"testing"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// Two tenants have duplicates. The gateway does not answer requests for the receipts of the
// sessions that have the first tenant's originals. The second tenant's duplicate is recovered all
// the same, and a large invoice of the second tenant is sent.
func TestLookups_OneTenantsGatewayHangs_OthersLookUpAndSend(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := &sickClient{testClient: s.client()}
	w := s.worker("w2", client)
	of := func(tenant int, number string, lines int) []byte {
		return sample.Invoice(sample.Options{
			SellerNIP: sample.NIP(tenant), Number: number, IssueDate: invoice.Today(time.Now()), Lines: lines, Seed: 3,
		})
	}
	docs := [][]byte{of(0, "A/1", 1), of(0, "A/2", 1), of(0, "A/3", 1), of(1, "B/1", 1)}
	sessions := map[string]bool{}
	for i, inv := range s.known(w, docs...) {
		sessions[inv.Session] = i < 3
	}
	var pkgs []string
	for _, doc := range docs {
		pkgs = append(pkgs, s.sent(w, s.admit(ledger.Bulk, doc)))
	}
	for _, p := range pkgs {
		s.processed(p)
	}
	stop, hanging := make(chan struct{}), make(chan struct{}, len(docs))
	client.upoOf = func(session string) error {
		if !sessions[session] {
			return nil
		}
		hanging <- struct{}{}
		<-stop
		return unavailableError("fetch session UPO")
	}
	done := make(chan error, len(docs))
	for _, p := range pkgs[:3] {
		go func() { done <- w.run(queue.KindConfirm, p) }()
	}
	defer func() {
		close(stop)
		for range 3 {
			<-done
		}
	}()
	select {
	case <-hanging:
	case <-time.After(patience):
		t.Fatal("no receipt was asked for")
	}
	w.settle(pkgs[3])
	large := s.admit(ledger.Express, of(1, "B/2", 3500))
	w.must(queue.KindSend, large.ID)
	if got := s.read(large.ID); got.State != ledger.Sent {
		t.Errorf("the other tenant's large invoice is %s, want sent", got.State)
	}
}
