package sinks

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ksefworker/internal/ledger"
)

func TestRun_Outcomes_ComeOnceAndInOrder(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	ids := w.rejected(150)
	rejected := w.revision(ids[0])
	w.move(ids[0], ledger.Queued, ledger.Parked, ledger.Dismissed)
	r := w.runner(s)
	w.run(r)
	w.run(r)
	for i, id := range ids {
		want := "rejected"
		if i == 0 {
			want = "rejected parked dismissed"
		}
		if got := s.states(id); got != want {
			t.Errorf("invoice %d was told as %q, want %q", i, got, want)
		}
	}
	if st := w.state(); st.Taken != 152 || st.Seen != 152 || st.Lost != 0 {
		t.Errorf("the state is %+v, want 152 outcomes taken and seen, and none lost", st)
	}
	if first := s.took[0]; first.Reason != "because of rejected" || first.Revision != rejected {
		t.Errorf("the first result is %+v, want the rejection (revision %d), although the invoice was queued again since",
			first.Result, rejected)
	}
}

func TestRun_ProcessDiesBeforeItRecords_TheSameIsToldAgain(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	id := w.rejected(1)[0]
	r := w.runner(s)
	// Another process takes the lease before the first one records what it did.
	s.answer = func(*Message) error {
		s.answer = nil
		w.must(w.dropLease())
		ok, err := w.LeaseSink(t.Context(), "erp", "other", time.Second)
		if !ok {
			err = errors.New("the lease was not free")
		}
		return err
	}
	w.run(r)
	if st := w.state(); st.Cursor != "" {
		t.Fatalf("a process without the lease recorded %+v, want nothing recorded", st)
	}
	w.must(w.dropLease())
	w.run(r)
	if got := s.states(id); got != "rejected rejected" || w.state().Taken != 1 {
		t.Errorf("the receiver was told %q, and %d results count as taken, want rejected twice, and one taken", got, w.state().Taken)
	}
}

// A call takes longer than the lease. The process renews its lease, so no other process serves the
// receiver. Once the round has taken so long that the process counts as hanging, another process
// takes over.
func TestRun_CallIsLongerThanTheLease_OnlyAProcessThatHangsLosesIt(t *testing.T) {
	w, slow, other := newWorld(t, 10_000), &stub{}, &stub{}
	w.rejected(1)
	first, second := w.runner(slow), w.runner(other)
	first.Lease, first.Round = 300*time.Millisecond, 2*time.Second
	calls, over := make(chan struct{}), make(chan struct{})
	slow.answer = func(*Message) error { calls <- struct{}{}; <-over; return nil }
	var running sync.WaitGroup
	running.Go(func() { w.must(first.Run(t.Context(), nil)) })
	<-calls
	for range 10 {
		time.Sleep(100 * time.Millisecond)
		if w.run(second); len(other.took) > 0 {
			t.Fatal("two processes serve the receiver at the same time")
		}
	}
	for until := time.Now().Add(time.Minute); len(other.took) == 0; w.run(second) {
		if time.Now().After(until) {
			t.Fatal("after a minute the process that hangs still serves the receiver")
		}
		time.Sleep(100 * time.Millisecond)
	}
	close(over)
	running.Wait()
	if st := w.state(); st.Taken != 1 {
		t.Errorf("the state is %+v, want one outcome taken", st)
	}
}

// dropLease ends the lease, as if its time had run out.
func (w *world) dropLease() error { return w.rdb.Del(w.t.Context(), "ksef:sinklease:erp").Err() }

func TestRun_OneResultIsRefused_OthersGoOnAndItsOwnSuccessorsWait(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	bad := w.rejected(1)[0]
	s.answer = func(m *Message) error {
		if m.ID == bad && m.State == "rejected" {
			return errors.New("answered 422")
		}
		return nil
	}
	r := w.runner(s)
	w.run(r)
	w.move(bad, ledger.Queued, ledger.Parked)
	others := w.rejected(70)
	w.run(r)
	for _, id := range others {
		if s.states(id) != "rejected" {
			t.Fatalf("the result of %s waits for the result of another invoice, want it told", id)
		}
	}
	if got := s.states(bad); got != "" {
		t.Fatalf("a later outcome was told first: %q", got)
	}
	if held, _ := w.counts(); held != 1 || w.state().Outage != 0 {
		t.Errorf("%d results are held; the state is %+v; want one held and no outage", held, w.state())
	}
	s.answer = nil
	w.run(r)
	if got := s.states(bad); got != "" {
		t.Errorf("the result was tried before its pause was over: %q", got)
	}
	w.pass(2 * time.Minute)
	w.run(r)
	if got := s.states(bad); got != "rejected parked" {
		t.Errorf("the receiver was told %q, want rejected and then parked", got)
	}
	if held, failed := w.counts(); held+failed != 0 {
		t.Errorf("%d results are held, %d given up, want none", held, failed)
	}
}

func TestRun_ReceiverIsAwayForADay_NothingIsLostAndLittleIsTried(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{answer: func(*Message) error { return out(0) }}
	r := w.runner(s)
	r.Pause = nil // the real pauses
	ids := w.rejected(200)
	w.run(r)
	first := s.calls
	for range 12 * 60 {
		w.pass(2 * time.Minute)
		span, err := w.Outbox(t.Context())
		w.must(err)
		if waits, err := r.HasWork(t.Context(), span); waits && err == nil {
			w.run(r)
		}
	}
	if n := s.calls - first; n < 80 || n > 140 {
		t.Errorf("the receiver was called %d times in a day, want 80 to 140", n)
	}
	if held, failed := w.counts(); held > 300 || failed != 0 || w.state().Outage == 0 {
		t.Errorf("%d results are held, %d given up; the state is %+v; want at most 300 held, none given up, and an outage",
			held, failed, w.state())
	}
	s.answer = nil
	for range 40 {
		w.pass(time.Minute)
		w.run(r)
	}
	for _, id := range ids {
		if got := s.states(id); got != "rejected" {
			t.Fatalf("%s was told as %q, want rejected, once", id, got)
		}
	}
	if st := w.state(); st.Outage != 0 || st.Taken != 200 || st.Err != "" {
		t.Errorf("the state is %+v, want no outage, no error, and 200 outcomes taken", st)
	}
}

func TestRun_ReceiverAsksForTime_IsNotCalledBefore(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{answer: func(*Message) error { return out(time.Hour) }}
	r := w.runner(s)
	w.rejected(3)
	w.run(r)
	calls := s.calls
	w.pass(59 * time.Minute)
	w.run(r)
	span, err := w.Outbox(t.Context())
	w.must(err)
	if waits, err := r.HasWork(t.Context(), span); waits || err != nil || s.calls != calls {
		t.Errorf("the receiver was called %d more times, want 0; HasWork = %v, %v, want false", s.calls-calls, waits, err)
	}
	w.pass(2 * time.Minute)
	if w.run(r); s.calls == calls {
		t.Error("the receiver was not called after the hour")
	}
}

func TestRun_SickResultAtTheHeadOfAnOutage_BlocksNoOther(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	bad := w.rejected(1)[0]
	s.answer = func(m *Message) error {
		if m.ID == bad {
			return out(0) // a receiver that answers 500 to this result looks like one that is out
		}
		return nil
	}
	r := w.runner(s)
	w.run(r)
	if w.state().Outage == 0 {
		t.Fatal("the receiver should be out")
	}
	other := w.rejected(1)[0]
	w.pass(time.Hour)
	w.run(r)
	if s.states(other) != "rejected" || w.state().Outage != 0 {
		t.Errorf("the other invoice was told as %q, want rejected; the state is %+v, want no outage", s.states(other), w.state())
	}
}

func TestRun_Gone_StopsUntilAPersonResumes(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{answer: func(*Message) error { return &GoneError{errors.New("answered 410")} }}
	r := w.runner(s)
	id := w.rejected(1)[0]
	w.run(r)
	s.answer = nil
	w.pass(100 * time.Hour)
	w.run(r)
	if s.calls != 1 || w.state().Stopped == 0 {
		t.Fatalf("%d calls were made, and the state is %+v, want one call and the receiver stopped", s.calls, w.state())
	}
	w.must(Admin{Ledger: w.Ledger}.Resume(t.Context(), "erp"))
	w.run(r)
	if s.states(id) != "rejected" {
		t.Errorf("after Resume the receiver was told %q, want rejected", s.states(id))
	}
}

// A result that a receiver did not take waits for a pause of up to a quarter of an hour. A person
// who has repaired the receiver ends this pause.
func TestResume_ResultsAreHeld_AreSentAtOnce(t *testing.T) {
	for what, answer := range map[string]error{"refused one by one": errors.New("answered 422"), "all refused": out(time.Hour)} {
		t.Run(what, func(t *testing.T) {
			w, s := newWorld(t, 10_000), &stub{answer: func(*Message) error { return answer }}
			r := w.runner(s)
			ids := append(w.rejected(3), w.rejectedOf("two", 3)...)
			w.minutes(r, 5)
			s.answer = nil
			w.must(Admin{Ledger: w.Ledger}.Resume(t.Context(), "erp"))
			if next, err := w.NextTry(t.Context(), "erp"); err != nil || next.After(w.now()) {
				t.Errorf("the next try is at %v (error %v), want now", next, err)
			}
			w.run(r)
			w.pass(time.Minute) // if a tenant was out, one of its results is tried now, and the others after a pause
			w.run(r)
			w.wantTold(s, ids)
		})
	}
}

func TestRun_RefusedForThreeDays_IsKeptForAPersonAndSentAgain(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{answer: func(*Message) error { return errors.New("answered 422: no such customer") }}
	r := w.runner(s)
	id := w.rejected(1)[0]
	w.move(id, ledger.Queued, ledger.Parked)
	for range 4 {
		w.run(r)
		w.pass(25 * time.Hour)
	}
	failed, err := w.Failed(t.Context(), "erp", 10)
	w.must(err)
	if len(failed) != 1 || failed[0].ID != id || failed[0].State != ledger.Rejected || failed[0].Err != "answered 422: no such customer" {
		t.Fatalf("the results given up are %+v, want the rejection with the receiver's answer", failed)
	}
	s.answer = nil
	n, err := Admin{Ledger: w.Ledger}.Resend(t.Context(), "erp", id)
	if n != 1 || err != nil {
		t.Fatalf("Resend gives %d outcomes (error %v), want 1", n, err)
	}
	w.pass(25 * time.Hour)
	w.run(r)
	if got := s.states(id); got != "rejected parked" {
		t.Errorf("the receiver was told %q, want rejected and then parked", got)
	}
	if held, failed := w.counts(); held+failed != 0 {
		t.Errorf("%d results are held, %d given up, want none", held, failed)
	}
}

func TestRun_AwayForLongerThanTheOutboxLasts_SaysHowManyItMissed(t *testing.T) {
	w, s := newWorld(t, 100), &stub{}
	r := w.runner(s)
	w.rejected(5)
	w.run(r)
	w.rejected(1000)
	span, err := w.Outbox(t.Context())
	w.must(err)
	w.run(r)
	st := w.state()
	if st.Lost != 1005-5-span.Length || st.Lost == 0 || st.Taken != 5+span.Length || st.Seen != 1005 {
		t.Errorf("the state is %+v, want %d outcomes taken, %d lost (more than 0) and 1005 seen", st, 5+span.Length, 1000-span.Length)
	}
	if w.run(r); w.state().Lost != st.Lost {
		t.Error("the next run counted lost outcomes a second time")
	}
}

func TestRun_ReceiverOfSomeTenants_GetsTheirsAlone(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	one, two := w.invoice("one"), w.invoice("two")
	w.move(one, ledger.Parked)
	w.move(two, ledger.Parked)
	r := w.runner(s)
	r.Wants.Tenants = []string{"two"}
	w.run(r)
	if s.states(one) != "" || s.states(two) != "parked" {
		t.Errorf("tenant one's invoice was told as %q, want nothing; tenant two's as %q, want parked", s.states(one), s.states(two))
	}
}

func TestRewind_SinceATime_TellsEverythingAgain(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	r := w.runner(s)
	ids := w.rejected(3)
	w.run(r)
	w.must(Admin{Ledger: w.Ledger}.Rewind(t.Context(), "erp", time.Now().Add(-time.Hour)))
	w.run(r)
	for _, id := range ids {
		if s.states(id) != "rejected rejected" {
			t.Errorf("after Rewind the receiver was told %q, want rejected twice", s.states(id))
		}
	}
	if w.run(r); w.state().Lost != 0 || w.state().Seen != 3 {
		t.Errorf("the state is %+v, want three outcomes seen and none lost", w.state())
	}
}

func TestRun_RedisIsFull_PositionIsRecordedAllTheSame(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	w.rejected(3)
	w.must(w.rdb.ConfigSet(t.Context(), "maxmemory", "1mb").Err())
	w.run(w.runner(s))
	w.run(w.runner(s))
	if len(s.took) != 3 {
		t.Errorf("the receiver was told %d results, want 3", len(s.took))
	}
}

func TestPause_Grows_FromSecondsToAQuarterOfAnHour(t *testing.T) {
	last := time.Duration(0)
	for _, n := range []int{1, 3, 6, 40} {
		if d := pause(n); d <= last || d < 4*time.Second || d > 18*time.Minute {
			t.Errorf("the pause after failure %d is %v, want more than %v, at least 4s and at most 18m", n, d, last)
		} else {
			last = d
		}
	}
}

func TestShort_AnswersOfOthers_AreOneLineAndBounded(t *testing.T) {
	if got := short("a\x1b[31m\nb\x00"); got != "a [31m b " {
		t.Errorf("short returned %q, want %q: one line without control characters", got, "a [31m b ")
	}
	if got := short(fmt.Sprint(make([]byte, 10_000))); len(got) > maxErr+5 {
		t.Errorf("short returned %d bytes, want at most %d", len(got), maxErr+5)
	}
}

func TestVerdictOf_Errors_SayWhetherTheReceiverIsOutOrGone(t *testing.T) {
	refused := errors.New("answered 422")
	for what, c := range map[string]struct {
		errs []error
		want [2]bool // out, gone
	}{
		"all taken":                 {[]error{nil, nil}, [2]bool{false, false}},
		"one refused":               {[]error{refused, nil}, [2]bool{false, false}},
		"all refused":               {[]error{refused, refused}, [2]bool{false, false}},
		"some not answered":         {[]error{out(0), nil}, [2]bool{false, false}},
		"none answered":             {[]error{out(0), refused}, [2]bool{true, false}},
		"it wants nothing any more": {[]error{nil, &GoneError{refused}}, [2]bool{false, true}},
	} {
		v := verdictOf(c.errs)
		if d := cmp.Diff(c.want, [2]bool{v.out, v.gone}); d != "" {
			t.Errorf("%s: out and gone are wrong (-want +got): %s", what, d)
		}
	}
	if after := asked(out(1000 * time.Hour)); after != maxAfter {
		t.Errorf("when a receiver asks for 1000 hours, the pause is %v, want %v", after, maxAfter)
	}
}
