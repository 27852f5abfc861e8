package tasks_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// withFault returns options with one fault of this kind, or with none if kind is "".
func withFault(kind string) (o simulator.Options) {
	if kind != "" {
		o.Faults = []simulator.Fault{{Kind: kind}}
	}
	return o
}

// known lets KSeF accept documents, each in a session of its own, and then deletes everything in
// Redis.
func (po *paths) known(w *actor, docs ...[]byte) []ledger.Invoice {
	po.t.Helper()
	var out []ledger.Invoice
	for _, doc := range docs {
		inv := po.entries.admit(ledger.Bulk, doc)
		pkg := po.sent(w, inv)
		w.settle(pkg)
		out = append(out, po.entries.read(inv.ID))
	}
	po.failures.loseRedis()
	return out
}

// final polls a package until the invoice with this id is decided. The clock moves on by the pauses
// that the task asks for. final returns the invoice and the number of polls.
func (po *paths) final(w *actor, pkg, id string) (inv ledger.Invoice, polls int) {
	po.t.Helper()
	for began := po.now(); ; polls++ {
		v := retry.Judge(w.run(queue.KindConfirm, pkg))
		if inv = po.entries.read(id); inv.State.Final() {
			return inv, polls
		}
		if v.Action != "" && v.Action != retry.Later {
			po.t.Fatal(v)
		}
		if took := po.now().Sub(began); took > 6*time.Hour {
			po.t.Fatalf("after %v and %d polls the invoice is not decided, but %s: %s", took, polls, inv.State, inv.Reason)
		}
		po.advance(max(v.Delay, time.Second))
	}
}

// refusedError returns KSeF's answer to a request that it refuses.
func refusedError(op string) error {
	return &ksef.APIError{Op: op, Kind: ksef.KindRefused, Status: http.StatusBadRequest, Code: 21165}
}

// KSeF calls an invoice a duplicate, and KSeF's reference to the original may be right, wrong or
// missing. The content of the original decides, wherever it can be found.
func TestRecover_ReferenceRightWrongOrMissing_ContentDecides(t *testing.T) {
	without := func(key string) func(*testClient) { // leaves out one of the two references
		return func(client *testClient) {
			client.listed = change(func(i *ksef.InvoiceInfo) {
				i.Status.Extensions = slices.DeleteFunc(i.Status.Extensions, func(e ksef.Extension) bool { return e.Key == key })
			})
		}
	}
	noReceipt := func(client *testClient) { client.upo = notGiven }
	for _, c := range []struct {
		why    string // KSeF's reference to the original is right, wrong or missing
		fault  string
		change func(*testClient)
		same   bool // the content is the same as the original's
		want   ledger.State
		says   string       // in the reason; a conflict also has both hashes and the KSeF number
		final  ledger.State // after the receipt task
	}{
		{"right", "", nil, true, ledger.Accepted, "", ledger.Receipted},
		{"right, other content", "", nil, false, ledger.Parked, "conflict", ledger.Parked},
		{"right, the receipt not given", "", noReceipt, true, ledger.Accepted, "", ledger.Accepted},
		{"right, the receipt not given, other content", "", noReceipt, false, ledger.Parked, "conflict", ledger.Parked},
		{"number without session", "", without("originalSessionReferenceNumber"), true, ledger.Accepted, "", ledger.Accepted},
		{"session without number: its receipt has the content",
			"", without("originalKsefNumber"), true, ledger.Accepted, "", ledger.Receipted},
		{"missing: the register has it", simulator.OmitOriginal, nil, true, ledger.Accepted, "", ledger.Accepted},
		{"missing, other content", simulator.OmitOriginal, nil, false, ledger.Parked, "conflict", ledger.Parked},
		{"wrong: the register has it", simulator.WrongOriginal, nil, true, ledger.Accepted, "", ledger.Accepted},
		{"wrong, other content", simulator.WrongOriginal, nil, false, ledger.Parked, "conflict", ledger.Parked},
		{"wrong, no document is given",
			simulator.WrongOriginal, func(client *testClient) { client.given = notGiven }, true,
			ledger.Parked, "does not give it", ledger.Parked},
		{"missing, and the register does not list it", simulator.OmitOriginal, func(client *testClient) {
			client.page = noPages
		}, true, ledger.Parked, "does not say which", ledger.Parked},
		{"missing, and reading the register is not permitted", simulator.OmitOriginal, func(client *testClient) {
			client.page = func(ksef.MetadataPage, error) (ksef.MetadataPage, error) {
				return ksef.MetadataPage{}, refusedError("list metadata")
			}
		}, true, ledger.Parked, "does not say which", ledger.Parked},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, withFault(c.fault))
			client := s.client()
			w := s.worker("w", client)
			docs := [][]byte{s.seeded("B/1", 7), s.seeded("A/1", 1)}
			original := s.known(w, docs...)[1]
			if c.change != nil {
				c.change(client)
			}
			doc := docs[1]
			if !c.same {
				doc = s.seeded("A/1", 2)
			}
			id := s.admit(ledger.Bulk, doc).ID
			pkg := s.sent(w, ledger.Invoice{Facts: ledger.Facts{ID: id}, Lane: ledger.Bulk})
			inv, polls := s.final(w, pkg, id)
			if inv.State != c.want || polls > 100 {
				t.Fatalf("after %d polls (want at most 100) the invoice is %s, want %s: %s",
					polls, inv.State, c.want, inv.Reason)
			}
			if c.want == ledger.Accepted && (inv.KsefNumber != original.KsefNumber || !inv.Recovered) {
				t.Errorf("the invoice is accepted as %s, recovered: %v; want it recovered, with the original's number %s",
					inv.KsefNumber, inv.Recovered, original.KsefNumber)
			}
			says := []string{c.says}
			if c.says == "conflict" {
				says = append(says, inv.Hash, original.Hash, original.KsefNumber)
			}
			for _, word := range says {
				if !strings.Contains(inv.Reason, word) {
					t.Errorf("the reason %q does not contain %q", inv.Reason, word)
				}
			}
			w.settle(pkg)
			_ = w.run(queue.KindReceipt, pkg)
			s.advance(2 * time.Hour)
			_ = w.run(queue.KindReceipt, pkg)
			switch got := s.read(id); {
			case got.State != c.final:
				t.Errorf("after the receipt task the invoice is %s, want %s: %s", got.State, c.final, got.Reason)
			case got.State == ledger.Accepted && !strings.Contains(got.Reason, "UPO"):
				t.Errorf("the invoice has no receipt, and the reason does not say so: %q", got.Reason)
			case s.result(got).State != string(got.State) || s.result(got).Reason != got.Reason:
				t.Errorf("the archived result is %+v, want the state and the reason of the entry", s.result(got))
			}
			if n := len(s.sim.Books().Accepted); n != 2 {
				t.Errorf("KSeF accepted %d invoices, want the two from before", n)
			}
		})
	}
}

// The register is long and requests are few. The search goes on where the limit interrupted it, and
// one search serves all invoices of the package.
func TestRecover_RegisterIsLongAndTheLimitInterrupts_OnePassFindsAll(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.OmitOriginal, Times: -1}}})
	client := s.client()
	w := s.worker("w", client)
	docs, _, _ := s.settledSeries(w, 600)
	s.loseRedis()
	s.advance(5 * time.Second) // the register shows an invoice a second after it was accepted
	pages, turns := 0, 0
	client.page = func(m ksef.MetadataPage, err error) (ksef.MetadataPage, error) {
		if turns++; turns%2 == 0 {
			return ksef.MetadataPage{}, &ratelimit.NotNow{Wait: time.Minute, Reason: ratelimit.ReasonLimit}
		}
		pages++
		return m, err
	}
	var again []ledger.Invoice
	for _, place := range []int{10, 400, 599} { // one invoice on each page
		var n int
		if _, err := fmt.Sscanf(s.sim.Books().Accepted[place].Number, "A/%d", &n); err != nil {
			t.Fatal(err)
		}
		again = append(again, s.admit(ledger.Bulk, docs[n]))
	}
	second := s.sent(w, again...)
	w.settle(second)
	for _, inv := range again {
		if got := s.read(inv.ID); got.State != ledger.Accepted || !got.Recovered {
			t.Errorf("%s is %s, want accepted: %s", got.Number, got.State, got.Reason)
		}
	}
	if pages != 3 {
		t.Errorf("%d pages were read, want the 3 pages of 600 invoices", pages)
	}
}

// The gateway no longer knows a session that was closed. That does not prove that KSeF lacks the
// invoice, so there is no second session. After a while the worker asks KSeF's register and finds
// the invoice there by its content.
func TestConfirm_SessionUnknownToTheGateway_NumberIsFoundInTheRegister(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Lost, On: "close"}}})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	id := w.cut(inv.ID)
	w.must(queue.KindPackage, id)
	for range 3 {
		if err := w.run(queue.KindConfirm, id); err == nil {
			t.Fatal("a session that the gateway does not know counts as processed")
		}
		if got := s.read(inv.ID); got.State != ledger.Sent {
			t.Fatalf("in the first minutes the invoice is %s, want sent", got.State)
		}
	}
	s.advance(11 * time.Minute)
	w.must(queue.KindConfirm, id)
	books := s.sim.Books()
	if len(books.Sessions) != 1 || len(books.Accepted) != 1 {
		t.Fatalf("there were %d sessions, and KSeF accepted the invoice %d times, want one session and one acceptance",
			len(books.Sessions), len(books.Accepted))
	}
	if got := s.read(inv.ID); got.State != ledger.Accepted || !got.Recovered || got.KsefNumber != books.Accepted[0].KsefNumber {
		t.Errorf("after eleven minutes the invoice is %s (%s), recovered %v as %s, want accepted and recovered as %s",
			got.State, got.Reason, got.Recovered, got.KsefNumber, books.Accepted[0].KsefNumber)
	}
	_ = w.run(queue.KindReceipt, id)
	got := s.read(inv.ID)
	if got.State != ledger.Accepted || !strings.Contains(got.Reason, "21173") || s.result(got).KsefNumber != got.KsefNumber {
		t.Errorf("without a receipt the invoice is %s, want accepted, with 21173 in the reason: %s", got.State, got.Reason)
	}
}

// The gateway lost a session before it was closed, so KSeF has nothing of it. But the worker cannot
// know that. The register does not have the invoice either, which is no proof. So the invoice is
// parked. When a person retries it, it goes through.
func TestConfirm_SessionUnknownAndNotInTheRegister_ParkedAfterAnHourThenSentByRetry(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Lost, On: "part"}}})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	id := w.cut(inv.ID)
	w.must(queue.KindPackage, id)
	polls := 0
	for began := s.now(); s.read(inv.ID).State != ledger.Parked; polls++ {
		if took := s.now().Sub(began); took > 2*time.Hour {
			t.Fatalf("after %v and %d polls the invoice is %s, want parked", took, polls, s.read(inv.ID).State)
		}
		v := retry.Judge(w.run(queue.KindConfirm, id))
		if v.Action != "" && v.Action != retry.Later {
			t.Fatal(v)
		}
		s.advance(max(v.Delay, time.Second))
	}
	if polls > 120 {
		t.Errorf("%d polls before the invoice was parked, want at most 120", polls)
	}
	got := s.read(inv.ID)
	if !strings.Contains(got.Reason, got.Number) || !strings.Contains(got.Reason, "retry") {
		t.Errorf("the reason does not name the invoice, or does not say what to do: %q", got.Reason)
	}
	if n := len(s.sim.Books().Sessions); n != 1 {
		t.Errorf("%d sessions, want only the lost one: sending again could make duplicates", n)
	}
	w.must(queue.KindReceipt, id)
	s.parkedAndArchived(inv.ID)
	if err := s.ledger.Retry(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	second := w.cut(inv.ID)
	w.must(queue.KindPackage, second)
	w.until(queue.KindConfirm, second, func() bool { return s.read(inv.ID).State == ledger.Accepted })
	if n := len(s.sim.Books().Accepted); n != 1 {
		t.Errorf("KSeF accepted %d invoices, want 1", n)
	}
}
