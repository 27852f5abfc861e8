package sinks

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
)

// bind records the NIP of the taxpayer that a name means.
func (w *world) bind(name, nip string) {
	w.t.Helper()
	_, err := w.Bind(w.t.Context(), map[string]string{name: nip})
	w.must(err)
}

// The configuration of this process gives the name B to another NIP than the ledger. Neither a
// receiver of B nor one of all tenants is told of B. Those of A do not wait. Once the configuration
// is right, all of B is told, what was held before included.
func TestRun_NameMeansAnotherTaxpayer_ItsResultsStayInTheOutbox(t *testing.T) {
	for what, tenants := range map[string][]string{"a receiver of both": {"A", "B"}, "a receiver of all": nil} {
		w, s := newWorld(t, 10_000), &stub{}
		r := w.runner(s)
		right := Wanted{Tenants: tenants, Known: map[string]string{"A": "1111111111", "B": "5265877635"}}
		r.Wants = right
		w.bind("A", "1111111111")
		w.bind("B", "5265877635")
		s.answer = func(*Message) error { return errors.New("answered 422") }
		ofB := w.rejectedOf("B", 2) // held from now on
		w.run(r)
		s.answer = nil
		r.Wants.Known = map[string]string{"A": "1111111111", "B": "2222222222"}
		ofB = append(ofB, w.rejectedOf("B", 3)...)
		ofA := w.rejectedOf("A", 4)
		for range 4 { // longer than results that are not taken are tried
			w.pass(25 * time.Hour)
			w.minutes(r, 5)
		}
		if len(s.took) != len(ofA) {
			t.Fatalf("%s took %d results, want the %d of A", what, len(s.took), len(ofA))
		}
		w.wantTold(s, ofA)
		if held, failed := w.counts(); held != 2 || failed != 0 || w.state().Lost != 0 {
			t.Errorf("%s: %d held, %d failed, %d lost", what, held, failed, w.state().Lost)
		}
		if got := ledger.NotTold(w.standings()); len(got) != 1 || got[0] != "B" {
			t.Errorf("%s is shown to get nothing of %v", what, got)
		}
		if got := w.standings()["B"].Err; !strings.HasPrefix(got, "tenant B is NIP 5265877635 in the ledger, and NIP 2222222222 in the") {
			t.Errorf("%s: the reason on record is %q", what, got)
		}
		r.Wants = right
		w.minutes(r, 10)
		w.wantTold(s, append(ofA, ofB...))
		if held, failed := w.counts(); held+failed != 0 || w.state().Lost != 0 || len(w.standings()) != 0 {
			t.Errorf("%s: %d held, %d failed, %+v, %v", what, held, failed, w.state(), w.standings())
		}
	}
}

// Another process takes the first invoice in under the name while a round is under way.
func TestRun_NameIsTakenWithinARound_ItsResultIsHeld(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	r := w.runner(s)
	r.Wants = Wanted{Known: map[string]string{"B": "2222222222"}}
	other := ledger.New(w.rdb, ledger.Options{})
	r.Editor.Document = func(ctx context.Context, _ *ledger.Invoice) []byte {
		_, err := other.Bind(ctx, map[string]string{"B": "5265877635"})
		w.must(err)
		return nil
	}
	ids := w.rejectedOf("B", 1)
	w.run(r)
	if held, _ := w.counts(); held != 1 || len(s.took) != 0 {
		t.Fatalf("%d held, %d told", held, len(s.took))
	}
	if st := w.standings()["B"]; st == nil || st.Err == "" || len(ledger.NotTold(w.standings())) != 1 {
		t.Errorf("nothing on record says why it is held: %+v", st)
	}
	r.Wants.Known = map[string]string{"B": "5265877635"}
	w.minutes(r, 10)
	w.wantTold(s, ids)
}

func TestHasWork_OnlyOfStrangers_IsNone(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	r := w.runner(s)
	r.Wants = Wanted{Known: map[string]string{"A": "1111111111", "B": "2222222222"}}
	w.bind("B", "5265877635")
	w.rejectedOf("B", 2)
	w.rejectedOf("A", 1)
	w.run(r)
	span, err := w.Outbox(t.Context())
	w.must(err)
	if work, err := r.HasWork(t.Context(), span); work || err != nil {
		t.Errorf("HasWork = %v, %v", work, err)
	}
}
