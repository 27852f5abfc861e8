package sinks

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
)

// refused returns the refusal of a tenant's document that breaks a rule.
func refused(tenant string, i ledger.Identity, rule string) ledger.Refusal {
	return ledger.Refusal{ID: ledger.RefusalOfInvoice(i), ByInvoice: true, Tenant: tenant, NIP: i.NIP, Kind: i.Kind, Number: i.Number,
		File: i.Number + ".xml", Faults: []ledger.RefusalFault{{Rule: rule}}}
}

func numbered(n int) ledger.Identity {
	return ledger.Identity{NIP: "5265877635", Kind: "VAT", Number: fmt.Sprint("RF/", n)}
}

// More documents of a tenant were refused than the ledger keeps. The outcomes that a receiver
// cannot be told any more are counted and logged, once.
func TestRun_RecordsOfRefusedDocumentsWereDropped_CountAsLost(t *testing.T) {
	w, s := newWorld(t, 100_000), &stub{}
	const kept, dropped = 5000, 300
	var all []ledger.Refusal
	for n := range kept + dropped {
		all = append(all, refused("one", numbered(n), "must be XML"))
	}
	w.must(w.Refuse(t.Context(), all[:kept]))
	w.must(w.rdb.Del(t.Context(), "ksef:refusalstold:one").Err()) // as if this count had expired after four hours
	w.must(w.Refuse(t.Context(), append(all[kept:], refused("two", numbered(-1), "must be XML"))))
	var log bytes.Buffer
	r, other := w.runner(s), w.runner(&stub{})
	r.Log, r.Batch = zerolog.New(&log), 500
	other.Name, other.Wants.Tenants, other.Batch = "two", []string{"two"}, 500
	w.run(r)
	w.run(other)
	if st := w.state(); len(s.took) != kept+1 || st.Lost != dropped || st.Taken != kept+1 {
		t.Errorf("the receiver was told %d results, its state is %+v; want %d told and %d lost", len(s.took), st, kept+1, dropped)
	}
	if got := log.String(); !strings.Contains(got, `"tenant":"one"`) || strings.Contains(got, `"tenant":"two"`) {
		t.Errorf("the log should say of tenant one alone that outcomes were lost:\n%s", got)
	}
	if st, err := w.Sink(t.Context(), "two"); err != nil || st.Lost != 0 || st.Taken != 1 {
		t.Errorf("the state of another tenant's receiver is %+v (error %v), want one taken and none lost", st, err)
	}
	w.must(Admin{Ledger: w.Ledger}.Rewind(t.Context(), "erp", w.now().Add(-time.Hour)))
	if w.run(r); len(s.took) != 2*(kept+1) || w.state().Lost != dropped {
		t.Errorf("after the rewind, the receiver was told %d results in all, and its state is %+v; want %d, and no more lost",
			len(s.took), w.state(), 2*(kept+1))
	}
}

// A result waits for the receiver, and meanwhile its record is dropped. Then the result counts as
// lost, too.
func TestRun_RecordsAreTooOld_CountAsLostWhenTheyAreDue(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(errRefused)
	id := w.rejected(1)[0]
	w.must(w.Refuse(t.Context(), []ledger.Refusal{refused("one", numbered(0), "must be XML")}))
	r := w.runner(s)
	w.run(r)
	if held, _ := w.counts(); held != 2 {
		t.Fatalf("%d results are held, want 2", held)
	}
	w.pass(30 * time.Hour)
	for _, prune := range []func() (int, error){
		func() (int, error) { return w.PruneRefusals(t.Context(), time.Hour, 10) },
		func() (int, error) { return w.Prune(t.Context(), 24*time.Hour, 10) },
	} {
		if n, err := prune(); n != 1 || err != nil {
			t.Fatalf("%d records were dropped, %v, want 1", n, err)
		}
	}
	s.answer = nil
	w.run(r)
	if held, failed := w.counts(); held+failed != 0 || w.state().Lost != 2 || s.states(id) != "" {
		t.Errorf("%d results are held, %d given up, and the states %q told; the state is %+v; want none of these and two lost",
			held, failed, s.states(id), w.state())
	}
}

// The refusal of an invoice is in the list of one tenant. When it moves to the list of another
// tenant, nothing is lost.
func TestRun_RefusedForAnotherTenantNext_IsToldForThatOne(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	w.must(w.Refuse(t.Context(), []ledger.Refusal{refused("one", numbered(0), "must be XML")}))
	w.pass(time.Second)
	w.must(w.Refuse(t.Context(), []ledger.Refusal{refused("two", numbered(0), "must be XML")}))
	w.run(w.runner(s))
	if len(s.took) != 1 || s.took[0].Tenant != "two" || w.state().Lost != 0 {
		t.Errorf("the receiver was told %d results, and its state is %+v; want one of tenant two, and none lost", len(s.took), w.state())
	}
}

// A newer build may write refusals in a form that this build cannot read. This build holds them,
// and does not drop them.
func TestRun_RecordOfARefusedDocumentCannotBeRead_IsHeld(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	doc := refused("one", numbered(0), "must be XML")
	w.must(w.Refuse(t.Context(), []ledger.Refusal{doc}))
	record := w.rdb.HGet(t.Context(), "ksef:refused:one", doc.ID).Val()
	w.must(w.rdb.HSet(t.Context(), "ksef:refused:one", doc.ID, `{"faults":"later"}`).Err())
	r := w.runner(s)
	w.run(r)
	if held, _ := w.counts(); held != 1 || len(s.took) != 0 || w.state().Lost != 0 {
		t.Errorf("%d results are held, %d told; the state is %+v; want one held, and none told or lost", held, len(s.took), w.state())
	}
	w.must(w.rdb.HSet(t.Context(), "ksef:refused:one", doc.ID, record).Err())
	w.minutes(r, 5)
	if got := s.states(doc.ID); got != "refused" {
		t.Errorf("once the refusal can be read, the receiver was told %q, want refused", got)
	}
}

// Another program wrote a key of one tenant's refusals. The results of other tenants do not wait.
func TestRun_RefusalsOfOneTenantAreSick_OthersAreToldAndItsOwnWhenTheKeyIsWell(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	one, two := refused("one", numbered(0), "must be XML"), refused("two", numbered(1), "must be XML")
	w.must(w.Refuse(t.Context(), []ledger.Refusal{one}))
	const key = "ksef:refused:one"
	w.must(w.rdb.Rename(t.Context(), key, key+"-aside").Err())
	w.must(w.rdb.Set(t.Context(), key, "foreign", 0).Err())
	w.must(w.Refuse(t.Context(), []ledger.Refusal{two}))
	ids := w.rejected(3)
	r := w.runner(s)
	w.run(r)
	w.minutes(r, 3)
	w.wantTold(s, ids)
	if got := s.states(two.ID); got != "refused" {
		t.Errorf("of the other tenant, the receiver was told %q, want refused", got)
	}
	if held, _ := w.counts(); held != 1 || w.state().Lost != 0 || w.state().Outage != 0 {
		t.Errorf("%d results are held, and the state is %+v; want one held, none lost and no outage", held, w.state())
	}
	sick, err := w.SickKeys(t.Context())
	if w.must(err); len(sick) != 1 || sick[0].Key != "refused:one" {
		t.Errorf("the sick keys are %+v, want refused:one", sick)
	}
	w.must(w.rdb.Rename(t.Context(), key+"-aside", key).Err())
	w.minutes(r, 70)
	if got := s.states(one.ID); got != "refused" {
		t.Errorf("once the key is well, the receiver was told %q, want refused", got)
	}
}

// A document was refused twice, each time for another reason. Then the corrected document was
// taken. A receiver that was out all this time gets the last state, once.
func TestRun_RefusedAgainAndEnded_IsToldOnceAsItEnded(t *testing.T) {
	w := newWorld(t, 10_000)
	s := &stub{answer: func(*Message) error { return out(0) }}
	r := w.runner(s)
	doc := refused("one", numbered(0), "P_15 must be a number")
	w.must(w.Refuse(t.Context(), []ledger.Refusal{doc}))
	w.run(r) // the first refusal is held
	w.pass(time.Minute)
	w.must(w.Refuse(t.Context(), []ledger.Refusal{refused("one", numbered(0), "KodWaluty must not be missing")}))
	w.pass(time.Minute)
	end := ledger.RefusalEnd{ID: doc.ID, ByInvoice: true, Ended: ledger.RefusalSuperseded, Note: "by inv-a"}
	n, err := w.EndRefusals(t.Context(), []ledger.RefusalEnd{end})
	if n != 1 {
		err = errors.Join(err, errors.New("the refusal did not end"))
	}
	w.must(err)
	s.answer = nil
	w.minutes(r, 10)
	if got := s.states(doc.ID); got != "superseded" {
		t.Errorf("the receiver was told %q, want superseded", got)
	}
	if held, failed := w.counts(); held+failed != 0 || w.state().Lost != 0 || w.state().Taken != 1 {
		t.Errorf("%d results are held, %d given up; the state is %+v; want one taken, and nothing left to tell", held, failed, w.state())
	}
}
