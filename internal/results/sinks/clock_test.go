package sinks

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
)

// shifted returns a clock of this machine that is wrong by off.
func (w *world) shifted(off time.Duration) func() time.Time {
	return func() time.Time { return w.now().Add(off) }
}

// A worker whose clock is days off serves a receiver by Redis's clock: the pauses have their usual
// length, and no result is given up.
func TestRun_MachinesClockIsDaysOff_PausesAndAgesGoByRedis(t *testing.T) {
	for what, off := range map[string]time.Duration{"ahead": 200 * time.Hour, "behind": -200 * time.Hour} {
		t.Run(what, func(t *testing.T) {
			w, s := newWorld(t, 10_000), &stub{answer: func(*Message) error { return errors.New("answered 422") }}
			wrong, right := w.runner(s), w.runner(s)
			wrong.Now = w.shifted(off)
			id := w.rejected(1)[0]
			w.run(wrong)
			w.pass(time.Minute)
			w.run(right)
			if s.calls != 2 {
				t.Errorf("%d calls after the first pause, want 2", s.calls)
			}
			w.pass(2 * time.Minute)
			w.run(wrong)
			if held, failed := w.counts(); s.calls != 3 || held != 1 || failed != 0 {
				t.Errorf("after %d calls, %d results are held, %d given up, want 3 calls and the result held", s.calls, held, failed)
			}
			// The result is old enough now to be given up. But the clocks differ, and nobody knows
			// which of them is wrong. So the result is not given up.
			w.pass(80 * time.Hour)
			w.run(wrong)
			if held, failed := w.counts(); s.calls != 4 || held != 1 || failed != 0 {
				t.Errorf("after %d calls, %d results are held, %d given up, want 4 calls and the result held", s.calls, held, failed)
			}
			w.pass(time.Hour)
			w.run(right)
			if got, err := w.Failed(t.Context(), "erp", 10); err != nil || len(got) != 1 || got[0].ID != id {
				t.Errorf("the results given up are %+v (error %v), want the one result", got, err)
			}
			// After a month the result is no longer kept for a person. But a worker drops it only
			// if its machine's clock agrees with Redis's.
			w.pass(31 * 24 * time.Hour)
			for i, who := range []*Runner{wrong, right} {
				w.rejected(1)
				w.run(who)
				if got, err := w.Failed(t.Context(), "erp", 10); err != nil || len(got) != 1-i {
					t.Errorf("the results kept for a person are %+v, %v, want %d", got, err, 1-i)
				}
			}
		})
	}
}

// A pause that a wrong clock has written does not delay results for days.
func TestRun_PauseEndsLaterThanAnyPauseMay_CountsAsOver(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{answer: func(m *Message) error {
		if m.Tenant == "two" {
			return out(0)
		}
		return errors.New("answered 422")
	}}
	r := w.runner(s)
	first := w.rejected(1)[0]
	w.run(r) // the result is held
	of := w.rejectedOf("two", 2)
	w.run(r) // no result of tenant two is taken
	s.answer = nil
	far := w.now().Add(8 * 24 * time.Hour)
	w.must(w.rdb.HSet(t.Context(), "ksef:sink:erp", "outage", far.UnixMilli(), "next", far.UnixMilli(), "probes", 3).Err())
	standings := w.standings()
	for _, st := range standings {
		st.Outage, st.Next = ledger.At(far), ledger.At(far)
	}
	_, err := w.ChangeSink(t.Context(), "erp", ledger.SinkChange{Standings: standings})
	w.must(err)
	for _, id := range append(of, first) {
		w.must(w.rdb.ZAddXX(t.Context(), "ksef:sinkdue:erp", redis.Z{Score: float64(far.UnixMilli()), Member: id}).Err())
	}
	if span, err := w.Outbox(t.Context()); err != nil {
		t.Fatal(err)
	} else if work, err := r.HasWork(t.Context(), span); !work || err != nil {
		t.Errorf("HasWork = %v, %v, want work, because the pauses are over", work, err)
	}
	w.minutes(r, 3)
	later := w.rejected(1)[0]
	w.minutes(r, 1)
	for _, id := range append(of, first, later) {
		if got := s.states(id); got != "rejected" {
			t.Errorf("the receiver was told %q, want rejected, once", got)
		}
	}
	if held, failed := w.counts(); held+failed != 0 || len(w.standings()) != 0 || w.state().Outage != 0 {
		t.Errorf("%d results are held, %d given up; the standings are %v, the state %+v; want nothing left to tell",
			held, failed, w.standings(), w.state())
	}
}

// A wrong clock has written the time of the first attempt. The result is still tried for exactly
// three days.
func TestRun_FirstAttemptIsDatedByAWrongClock_ResultIsTriedForThreeDays(t *testing.T) {
	for what, off := range map[string]time.Duration{
		"the first attempt is dated before the outcome": -200 * time.Hour,
		"the first attempt is dated in the future":      200 * time.Hour,
	} {
		t.Run(what, func(t *testing.T) {
			w, s := newWorld(t, 10_000), &stub{answer: func(*Message) error { return errors.New("answered 422") }}
			r := w.runner(s)
			id := w.rejected(1)[0]
			w.run(r)
			there, _, err := w.NotTaken(t.Context(), "erp", []string{id})
			w.must(err)
			there[id][0].First = ledger.At(w.now().Add(off))
			_, err = w.ChangeSink(t.Context(), "erp", ledger.SinkChange{Hold: there})
			w.must(err)
			for _, pass := range []time.Duration{time.Hour, 70 * time.Hour} {
				w.pass(pass)
				w.run(r)
				if held, failed := w.counts(); held != 1 || failed != 0 {
					t.Fatalf("%d results are held, %d given up after a further %v, want the result held", held, failed, pass)
				}
			}
			w.pass(3 * time.Hour)
			w.run(r)
			if held, failed := w.counts(); held != 0 || failed != 1 {
				t.Errorf("%d results are held, %d given up after three days, want the result given up", held, failed)
			}
		})
	}
}

// The record says that an outage begins in the future. The outage then begins now, and the pause
// that the receiver asked for is kept.
func TestRun_OutageBeganInTheFuture_BeginsNow(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{answer: func(*Message) error { return out(maxAfter) }}
	r := w.runner(s)
	w.rejected(1)
	w.run(r)
	w.must(w.rdb.HSet(t.Context(), "ksef:sink:erp", "outage", w.now().Add(100*time.Hour).UnixMilli()).Err())
	w.pass(maxAfter - time.Minute)
	w.run(r)
	if s.calls != 1 {
		t.Errorf("%d calls before the pause was over, want 1", s.calls)
	}
	w.pass(2 * time.Minute)
	w.run(r)
	if began := w.state().Outage.Time(); s.calls != 2 || began.After(w.now()) {
		t.Errorf("after %d calls the receiver has been out since %v, want 2 calls and a time that is not in the future", s.calls, began)
	}
}

func TestStream_ClocksDiffer_NothingIsDropped(t *testing.T) {
	w := newWorld(t, 10_000)
	redisAhead := func(context.Context) (time.Time, error) { return w.now().Add(200 * time.Hour), nil }
	for what, clock := range map[string]Clock{
		"the machine's clock is ahead": {w.Clock, w.shifted(200 * time.Hour)}, "redis's clock is ahead": {redisAhead, w.now},
	} {
		t.Run(what, func(t *testing.T) {
			s := &Stream{Redis: w.rdb, Key: "ksef:results", Length: 1000, Keep: time.Hour, Clock: clock}
			w.must(w.rdb.Del(t.Context(), s.Key).Err())
			var batch []Message
			for range 150 { // Redis drops only whole nodes, of a hundred results each
				batch = append(batch, message("inv-a"))
			}
			for range 2 {
				w.must(errors.Join(s.Deliver(t.Context(), batch)...))
				w.must(s.Trim(t.Context()))
				w.pass(2 * time.Minute)
			}
			if n := w.rdb.XLen(t.Context(), s.Key).Val(); n != 300 {
				t.Errorf("the stream holds %d of 300 results, want all", n)
			}
		})
	}
}
