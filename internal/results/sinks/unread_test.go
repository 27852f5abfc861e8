package sinks

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// What is held and cannot be read stays held. It stands before no other, also while the receiver is
// out and one result at a time finds out whether it is back.
func TestRun_HeldResultCannotBeRead_OthersAreTold(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	ids := w.rejected(70)
	s.answer = func(*Message) error { return errors.New("answered 422") }
	r := w.runner(s)
	w.run(r)
	if held, _ := w.counts(); held != 70 {
		t.Fatalf("%d held", held)
	}
	damaged := ids[:66] // more than one round takes
	for _, id := range damaged {
		w.must(w.rdb.HSet(t.Context(), "ksef:sinkheld:erp", id, "{").Err())
		w.must(w.rdb.ZAdd(t.Context(), "ksef:sinkdue:erp", redis.Z{Score: 1, Member: id}).Err()) // they are due first
	}
	w.must(w.rdb.HSet(t.Context(), "ksef:sink:erp", "outage", w.now().UnixMilli()).Err())
	s.answer = nil
	for range 10 {
		w.pass(time.Minute)
		w.run(r)
	}
	for _, id := range ids[66:] {
		if got := s.states(id); got != "rejected" {
			t.Errorf("told %q", got)
		}
	}
	if held, _ := w.counts(); held != int64(len(damaged)) || w.state().Outage != 0 {
		t.Errorf("%d held, %+v", held, w.state())
	}
}
