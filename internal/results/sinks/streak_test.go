package sinks

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
)

// refusing lets the office answer with this status for these tenants; without tenants, for all.
func (o *office) refusing(status int, tenants ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = func(m *told) (int, string) {
		if len(tenants) == 0 || slices.Contains(tenants, m.Tenant) {
			return status, ""
		}
		return http.StatusOK, ""
	}
}

// out returns the time since which the receiver has been shown as out; 0 when it is not.
func (w *world) out() ledger.Millis {
	w.t.Helper()
	s := w.state()
	return s.Out()
}

// A receiver that was well begins to answer each result with a refusal that concerns this result
// alone. As soon as there are many of them, it is shown as out until it takes one result. Meanwhile
// the next results are tried at once, as before.
func TestRun_EveryResultIsRefusedForItself_IsShownAsOut(t *testing.T) {
	for _, status := range []int{400, 409, 413, 415, 422} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			w, names := newWorld(t, 10_000), tenants(4)
			o, r := newOffice(t, w)
			var log bytes.Buffer
			r.Log = zerolog.New(&log)
			w.rejectedOf(names[0], 20)
			w.busy(r)
			o.refusing(status)
			began, calls := w.now(), o.total()
			for i := range manyRefused {
				if st := w.state(); st.Out() != 0 {
					t.Fatalf("the receiver is shown as out after only %d refused results: %+v", i, st)
				}
				w.rejectedOf(names[i%len(names)], 1)
				w.busy(r)
				if n := o.total() - calls; n != i+1 {
					t.Fatalf("%d calls were made for %d new results, want one for each", n, i+1)
				}
			}
			ids := w.rejectedOf("later", 40)
			w.busy(r)
			if n := o.total() - calls; n != manyRefused+40 {
				t.Errorf("%d calls were made in all, want %d: one for each new result, because new results must not wait",
					n, manyRefused+40)
			}
			for range 30 { // what is held is refused again
				st := w.state()
				if st.Out() != ledger.At(began) || st.Outage != 0 || !strings.HasPrefix(st.Err, fmt.Sprint("answered ", status)) {
					t.Fatalf("the state is %+v, want out since %v with the answer %d, and no outage", st, began, status)
				}
				w.pass(time.Minute)
				w.busy(r)
			}
			if got := ledger.NotTold(w.standings()); !slices.Equal(got, []string{"later"}) {
				t.Errorf("the receiver is shown to take nothing of %v, want tenant later alone", got)
			}
			o.refusing(status, names...)
			w.pass(20 * time.Minute)
			w.busy(r)
			o.want(ids, "rejected")
			if st := w.state(); st.Out() != 0 {
				t.Errorf("the receiver takes results again, but is shown as out: %+v", st)
			}
			for _, want := range []string{"this receiver refuses every result", "this receiver takes results again"} {
				if strings.Count(log.String(), want) != 1 {
					t.Errorf("the log should say %q once:\n%s", want, log.String())
				}
			}
		})
	}
}

// A quiet receiver has refused its last one or two results, which may be at fault themselves. When
// it goes on like that, it is out.
func TestRun_QuietReceiverRefusesAFewResults_IsOutOnlyWhenItGoesOn(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	r := w.runner(s)
	w.rejected(1)
	w.run(r)
	s.answer = refuse(errRefused).answer
	for day := range 4 {
		w.rejected(1)
		w.run(r)
		for range 23 {
			if st, want := w.state(), day >= someRefused-1; (st.Out() != 0) != want {
				t.Fatalf("day %d: out is %v, want %v: %+v", day+1, st.Out() != 0, want, st)
			}
			w.pass(time.Hour)
			w.run(r)
		}
	}
	if _, failed := w.counts(); failed == 0 {
		t.Fatal("nothing was given up in four days")
	}
	s.answer = nil
	w.rejected(1)
	if w.run(r); w.out() != 0 || len(ledger.NotTold(w.standings())) != 0 {
		t.Errorf("after a result was taken the state is %+v, and nothing is taken of %v; want a receiver that is not out, and no tenant",
			w.state(), ledger.NotTold(w.standings()))
	}
	s.answer = refuse(errRefused).answer
	w.pass(time.Hour)
	w.rejected(someRefused)
	if w.run(r); w.out() != 0 {
		t.Errorf("the receiver is shown as out at once, want after an hour: %+v", w.state())
	}
	w.pass(longRefused)
	if w.run(r); w.out() == 0 { // only what is held was tried
		t.Errorf("the receiver is not shown as out after an hour: %+v", w.state())
	}
}

// The receiver refuses each result of one tenant, and takes the results of another tenant, which
// come now and then. Only the tenant is shown as out. The receiver never is.
func TestRun_EveryResultOfOneTenantIsRefused_TheTenantIsOutAndNotTheReceiver(t *testing.T) {
	w := newWorld(t, 10_000)
	o, r := newOffice(t, w)
	o.refusing(422, "one")
	w.rejectedOf("one", manyRefused)
	w.busy(r)
	w.rejectedOf("two", 1)
	w.busy(r)
	for range 5 {
		w.rejectedOf("one", 2*manyRefused)
		w.busy(r)
		w.pass(2 * longRefused)
		w.busy(r)
		if st := w.state(); st.Out() != 0 {
			t.Fatalf("the receiver is shown as out, want only tenant one shown as out: %+v", st)
		}
		if got := ledger.NotTold(w.standings()); !slices.Equal(got, []string{"one"}) || w.standings()["one"].State() != "out" {
			t.Fatalf("the receiver is shown to take nothing of %v, and the standings are %v, want tenant one alone, and out",
				got, w.standings())
		}
		w.rejectedOf("two", 1)
		w.busy(r)
	}
	o.refusing(422)
	w.rejectedOf("two", manyRefused) // now the receiver takes no results of this tenant either
	if w.busy(r); w.out() == 0 {
		t.Errorf("the receiver is not shown as out, want out: %+v", w.state())
	}
	o.sickFor()
	w.pass(longRefused)
	if w.busy(r); w.out() != 0 || len(w.standings()) != 0 {
		t.Errorf("after all results were taken, the state is %+v, the standings %v; want nobody shown as out", w.state(), w.standings())
	}
}

// All results of a tenant that were refused are given up, and no result of the tenant is tried any
// more.
func TestRun_AllRefusedResultsOfATenantAreGivenUp_TheTenantIsNotShown(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(errRefused, "one")
	r := w.runner(s)
	w.rejectedOf("one", manyRefused)
	w.rejectedOf("two", 1)
	w.run(r)
	if got := ledger.NotTold(w.standings()); len(got) != 1 {
		t.Fatalf("the receiver is shown to take nothing of %v, want tenant one alone", got)
	}
	w.pass(giveUpAfter + time.Minute)
	w.run(r)
	if _, failed := w.counts(); failed != manyRefused || len(w.standings()) != 0 {
		t.Errorf("%d results are given up, the standings are %v; want %d given up and no standing", failed, w.standings(), manyRefused)
	}
}

// A worker of an older build takes turns with this one in serving the receiver. The older worker
// does not know the count of refused results, and leaves it on record when the receiver takes a
// result.
func TestRun_OlderBuildTakesAResult_WhatWasRefusedBeforeDoesNotCount(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(errRefused)
	r := w.runner(s)
	w.rejected(manyRefused)
	if w.run(r); w.out() == 0 {
		t.Fatalf("the receiver is not shown as out, want out: %+v", w.state())
	}
	w.must(w.rdb.HIncrBy(t.Context(), "ksef:sink:erp", "taken", 1).Err())
	if w.out() != 0 {
		t.Errorf("the receiver is shown as out after it took a result: %+v", w.state())
	}
	w.rejected(manyRefused - 1)
	if w.run(r); w.out() != 0 {
		t.Errorf("the receiver is shown as out before it has refused as many results again: %+v", w.state())
	}
	for _, damaged := range []string{"", "no JSON", `{"count":"many"}`} {
		w.must(w.rdb.HSet(t.Context(), "ksef:sink:erp", "refused", damaged).Err())
		if st := w.state(); st.Refused != (ledger.Streak{}) {
			t.Errorf("the damaged count %q is read as %+v, want no count", damaged, st.Refused)
		}
	}
	w.must(w.rdb.HDel(t.Context(), "ksef:sink:erp", "refused").Err())
	w.must(w.rdb.Del(t.Context(), "ksef:sinkstanding:erp").Err())
	w.rejected(manyRefused)
	if w.run(r); w.out() == 0 {
		t.Errorf("with no earlier count on record, the receiver is not shown as out: %+v", w.state())
	}
}
