package sinks

import (
	"testing"
	"time"
)

// putsOff returns a receiver that asks for time when it gets the results of these invoices.
func putsOff(after time.Duration, ids ...string) *stub {
	sick := map[string]bool{}
	for _, id := range ids {
		sick[id] = true
	}
	return &stub{answer: func(m *Message) error {
		if sick[m.ID] {
			return out(after)
		}
		return nil
	}}
}

// The receiver asks for a day or a minute when it gets one certain result, and takes all other
// results of the tenant. The other results go on, even when that result is tried again.
func TestRun_OneResultIsPutOff_OthersOfTheTenantGoOn(t *testing.T) {
	for _, after := range []time.Duration{24 * time.Hour, time.Minute} {
		t.Run(after.String(), func(t *testing.T) {
			w := newWorld(t, 10_000)
			ids := w.rejected(40)
			s := putsOff(after, ids[7])
			r := w.runner(s)
			w.run(r)
			w.wantTold(s, append(append([]string{}, ids[:7]...), ids[8:]...))
			for range 2 {
				later := append(w.rejected(2), w.rejectedOf("two", 1)...)
				w.run(r) // again, and no time has passed
				w.wantTold(s, later)
				w.pass(after)
				w.run(r)
			}
			if st := w.state(); st.Outage != 0 || st.Next != 0 || w.standings()["one"].Blocked() {
				t.Errorf("the receiver is %+v, the tenant %+v, want neither out nor held back", st, w.standings()["one"])
			}
			calls := s.calls
			w.pass(after / 2)
			if w.run(r); s.calls != calls {
				t.Error("the receiver was called again before the time that it asked for")
			}
			s.answer = nil
			w.pass(after + time.Hour)
			w.run(r)
			w.wantTold(s, ids)
		})
	}
}

// Several results that were put off become due in the same round, and no other result is tried in
// that round. If the receiver puts them off again, that says nothing about the results that come
// later.
func TestRun_SeveralPutOffAreDueTogether_LaterOnesDoNotWait(t *testing.T) {
	w := newWorld(t, 10_000)
	ids := w.rejected(40)
	s := putsOff(24*time.Hour, ids[0], ids[1])
	r := w.runner(s)
	w.run(r)
	for range 2 {
		w.pass(24*time.Hour + time.Minute)
		w.run(r)
		later := w.rejected(3)
		w.minutes(r, 3)
		w.wantTold(s, later)
	}
}

// A receiver that puts off more results than it takes seems to limit how many it takes. All results
// of the tenant wait for as long as the receiver asks, but for a minute at most.
func TestRun_MoreIsPutOffThanTaken_TheTenantWaitsAMinuteAtMost(t *testing.T) {
	w := newWorld(t, 10_000)
	ids := w.rejected(40)
	s := putsOff(time.Hour, ids[1:]...)
	r := w.runner(s)
	w.run(r)
	later := w.rejected(2)
	calls := s.calls
	if w.run(r); s.calls != calls {
		t.Error("the receiver was called although the tenant's results wait for a minute")
	}
	w.wantTold(s, w.rejectedAndRun(r, "two", 1)) // another tenant does not wait
	w.minutes(r, 1)
	w.wantTold(s, later)
}

// rejectedAndRun makes n rejected invoices of a tenant and serves the receiver.
func (w *world) rejectedAndRun(r *Runner, tenant string, n int) []string {
	w.t.Helper()
	ids := w.rejectedOf(tenant, n)
	w.run(r)
	return ids
}

func TestRun_LaterResultOfAnInvoiceThatWasPutOff_WaitsBehindIt(t *testing.T) {
	w := newWorld(t, 10_000)
	ids := w.rejected(3)
	s := putsOff(time.Hour, ids[0])
	r := w.runner(s)
	w.run(r)
	s.answer = nil
	w.move(ids[0], "queued", "parked")
	w.minutes(r, 30)
	if got := s.states(ids[0]); got != "" {
		t.Errorf("the receiver was told %q before the time that the receiver asked for", got)
	}
	w.minutes(r, 31)
	if got := s.states(ids[0]); got != "rejected parked" {
		t.Errorf("the receiver was told %q, want rejected and then parked", got)
	}
}
