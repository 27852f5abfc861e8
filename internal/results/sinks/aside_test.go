package sinks

import (
	"testing"
	"time"

	"ksefworker/internal/ledger"
)

// The receiver answers 503 to results without a tenant, and asks for a pause of an hour. Results
// without a tenant cannot be left behind in the outbox, so they are put aside: they are held
// untried.
func TestRun_OutForResultsWithoutATenant_ResultsOfTenantsAreToldAtOnce(t *testing.T) {
	w := newWorld(t, 10_000)
	o, r := newOffice(t, w)
	o.sickFor("")
	var nobodys []string
	refuse := func(from, n int) {
		var docs []ledger.Refusal
		for i := range n {
			docs = append(docs, refused("", numbered(from+i), "must be XML"))
			nobodys = append(nobodys, docs[i].ID)
		}
		w.must(w.Refuse(t.Context(), docs))
	}
	refuse(0, 5)
	w.busy(r)
	refuse(100, 50)
	well := append(w.rejectedOf("one", 3), w.rejectedOf("two", 40)...)
	calls := o.total()
	w.busy(r) // again, and no time has passed
	o.want(well, "rejected")
	if n := o.total() - calls; n != len(well) {
		t.Errorf("the receiver got %d calls for %d results, want one for each", n, len(well))
	}
	if held, _ := w.counts(); held != int64(len(nobodys)) || w.state().Outage != 0 {
		t.Errorf("%d results are held; the state is %+v; want all results without a tenant held, and no outage", held, w.state())
	}
	o.sickFor()
	for range 90 {
		w.pass(time.Minute)
		w.busy(r)
	}
	o.want(nobodys, "refused")
	if held, failed := w.counts(); held+failed != 0 || len(w.standings()) != 0 {
		t.Errorf("%d results are held, %d given up; the standings are %v; want nothing left to tell", held, failed, w.standings())
	}
}

// More results without a tenant come than can be put aside. The rest keep their place in the
// outbox, and none is given up.
func TestRun_TooManyWithoutATenantToPutAside_KeepTheirPlace(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(out(time.Hour))
	r := w.runner(s)
	r.Held = 20
	var docs []ledger.Refusal
	for n := range 60 {
		docs = append(docs, refused("", numbered(n), "must be XML"))
	}
	w.must(w.Refuse(t.Context(), docs[:5]))
	w.run(r)
	w.must(w.Refuse(t.Context(), docs[5:]))
	w.run(r)
	if held, failed := w.counts(); held != 20 || failed != 0 || s.calls != 1 {
		t.Errorf("%d results are held, %d given up after %d calls, want 20, none and one call", held, failed, s.calls)
	}
	s.answer = nil
	w.minutes(r, 90)
	for i := range docs {
		if got := s.states(docs[i].ID); got != "refused" {
			t.Errorf("document %d was told as %q, want refused, once", i, got)
		}
	}
	if held, failed := w.counts(); held+failed != 0 || len(w.standings()) != 0 || w.state().Outage != 0 {
		t.Errorf("%d results are held, %d given up; the standings are %v, the state %+v; want nothing left to tell",
			held, failed, w.standings(), w.state())
	}
}
