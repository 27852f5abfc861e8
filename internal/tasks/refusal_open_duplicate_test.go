package tasks_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// KSeF refuses one package of the tenant again and again. KSeF processes all other packages, but in
// each of them the original of a duplicate is still being looked for. The tenant must not be held
// back.
func TestRefusal_OthersAreProcessedButHaveAnOpenDuplicate_TheTenantIsNotHeldBack(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Poison, Number: "POISON", Code: 405, Times: -1}}})
	client := s.client()
	client.listed = change(func(i *ksef.InvoiceInfo) {
		if strings.HasPrefix(i.InvoiceNumber, "D") {
			i.Status, i.KSeFNumber = ksef.StatusInfo{Code: 440, Description: "duplicate"}, ""
		}
	})
	client.page = noPages
	w := s.worker("w", client)
	poison := s.admit(ledger.Bulk, s.good("POISON"))
	w.must(queue.KindPackage, w.cut(poison.ID))
	p := w.pool()
	var as []ledger.Invoice
	oldest := time.Duration(0)
	for round := range 30 {
		a := s.admit(ledger.Bulk, s.good(fmt.Sprint("A/", round)))
		b := s.admit(ledger.Bulk, s.good(fmt.Sprint("D/", round)))
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
		t.Errorf("a good invoice waited %v before it was sent, want at most 5m, because KSeF processes all other sessions", oldest)
	}
}
