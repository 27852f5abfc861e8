package tasks_test

import (
	"fmt"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// Every package of the tenant is processed, and in each the original of one duplicate is still
// looked for. A package that KSeF refuses again and again must not make the tenant rest.
func TestRefusal_OthersAreProcessedButHaveAnOpenDuplicate_TheTenantDoesNotRest(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Poison, Number: "POISON", Code: 405, Times: -1}}})
	client := s.client()
	client.listed = func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo {
		for i := range all {
			if len(all[i].InvoiceNumber) > 0 && all[i].InvoiceNumber[0] == 'D' {
				all[i].Status = ksef.StatusInfo{Code: 440, Description: "duplicate"}
				all[i].KSeFNumber = ""
			}
		}
		return all
	}
	client.page = func(ksef.MetadataPage, error) (ksef.MetadataPage, error) { return ksef.MetadataPage{}, nil }
	w := s.worker("w", client)
	poison := s.admit(ledger.Bulk, s.good("POISON"))
	w.must(queue.KindPackage, w.cut(poison.ID))
	p := w.pool()
	var as []ledger.Invoice
	oldest := time.Duration(0)
	for round := range 30 {
		a, b := s.admit(ledger.Bulk, s.good(fmt.Sprint("A/", round))), s.admit(ledger.Bulk, s.good(fmt.Sprint("D/", round)))
		as = append(as, a)
		w.must(queue.KindSubmit, a.ID)
		w.must(queue.KindSubmit, b.ID)
		group := a.WaitingGroup()
		for range 12 {
			_ = w.run(queue.KindCut, group.Name())
			p.began = s.now()
			end := s.now().Add(5 * time.Second)
			p.until(5*time.Minute, func() bool { return s.now().After(end) })
		}
		for _, x := range as {
			if g := s.read(x.ID); g.State == ledger.Queued || g.State == ledger.Packed {
				oldest = max(oldest, s.now().Sub(g.CreatedAt.Time()))
				break
			}
		}
	}
	if oldest > 5*time.Minute {
		t.Errorf("good invoices waited %v unsent although every other session is processed", oldest)
	}
}
