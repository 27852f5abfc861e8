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

// The configuration of this process gives the name B to another NIP than the ledger does. Neither a
// receiver of both tenants nor one of all tenants is told any result of B meanwhile. The results of
// A do not wait. Once the configuration is right, all results of B are told, and those that were
// held before are among them.
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
		for range 4 { // more than the three days after which a result that is not taken is given up
			w.pass(25 * time.Hour)
			w.minutes(r, 5)
		}
		if len(s.took) != len(ofA) {
			t.Fatalf("%s took %d results, want the %d of A", what, len(s.took), len(ofA))
		}
		w.wantTold(s, ofA)
		if held, failed := w.counts(); held != 2 || failed != 0 || w.state().Lost != 0 {
			t.Errorf("%s: %d results are held, %d given up, %d lost, want 2, none and none", what, held, failed, w.state().Lost)
		}
		if got := ledger.NotTold(w.standings()); len(got) != 1 || got[0] != "B" {
			t.Errorf("%s: the tenants of which nothing is told are %v, want B alone", what, got)
		}
		if got := w.standings()["B"].Err; !strings.HasPrefix(got, "tenant B is NIP 5265877635 in the ledger, and NIP 2222222222 in the") {
			t.Errorf("%s: the reason on record is %q, want it to say that B is another NIP in the ledger", what, got)
		}
		r.Wants = right
		w.minutes(r, 10)
		w.wantTold(s, append(ofA, ofB...))
		if held, failed := w.counts(); held+failed != 0 || w.state().Lost != 0 || len(w.standings()) != 0 {
			t.Errorf("%s: %d results are held, %d given up; the state is %+v, the standings %v; want nothing left to tell",
				what, held, failed, w.state(), w.standings())
		}
	}
}

// While a round is under way, another process takes in the first invoice under the name B, for
// another taxpayer.
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
		t.Fatalf("%d results are held, %d told, want 1 and none", held, len(s.took))
	}
	if st := w.standings()["B"]; st == nil || st.Err == "" || len(ledger.NotTold(w.standings())) != 1 {
		t.Errorf("nothing on record says why the result is held: %+v", st)
	}
	r.Wants.Known = map[string]string{"B": "5265877635"}
	w.minutes(r, 10)
	w.wantTold(s, ids)
}

// The configuration of this process gives a new name to another NIP than the ledger has. While no
// result of that tenant waits for the receiver, the tenant is not shown.
func TestRun_NothingOfAStrangerWaits_ItIsNotShown(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	r := w.runner(s)
	r.Wants = Wanted{Known: map[string]string{"A": "1111111111", "B": "2222222222"}}
	w.bind("B", "5265877635")
	for range 4 {
		w.rejectedOf("A", 1)
		w.run(r)
		if got := ledger.NotTold(w.standings()); len(got) != 0 {
			t.Fatalf("the tenants of which nothing is told are %v, want none: %+v", got, w.standings()["B"])
		}
	}
	w.rejectedOf("B", 1)
	w.run(r)
	if got := ledger.NotTold(w.standings()); len(got) != 1 || !strings.Contains(w.standings()["B"].Err, "5265877635") {
		t.Errorf("the tenants of which nothing is told are %v, want B with its NIP in the ledger: %+v", got, w.standings()["B"])
	}
}

func TestHasWork_OnlyStrangersHaveOutcomes_IsFalse(t *testing.T) {
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
		t.Errorf("HasWork = %v, %v, want false", work, err)
	}
}
