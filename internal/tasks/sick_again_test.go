package tasks_test

import (
	"testing"
	"time"

	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// A shared key is sick, well, and sick again within an hour. Each time is logged once.
func TestSickKeys_SickAgainWithinTheHour_IsLoggedAgain(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	const line = "a key of Redis that entries share is sick"
	for spell := 1; spell <= 2; spell++ {
		s.rdb.Set(t.Context(), "ksef:outbox", "x", 0)
		for range 2 {
			s.advance(time.Minute)
			w.must(queue.KindSweep, "1")
		}
		if n := s.log.count(line); n != spell {
			t.Errorf("the log names the sick key %d times, want %d", n, spell)
		}
		s.rdb.Del(t.Context(), "ksef:outbox")
		w.must(queue.KindSweep, "1")
		if n := s.log.count("a key of Redis that was sick is well again"); n != spell {
			t.Errorf("the log says %d times that the key is well again, want %d", n, spell)
		}
	}
}

// Outcomes that could not be kept are logged once an hour. The log line says what to do.
func TestSweep_OutcomesWereNotKept_IsLogged(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	at := s.now().UnixMilli()
	s.rdb.HSet(t.Context(), "ksef:outboxlost", "n", 3, "since", at, "until", at)
	for range 2 {
		s.advance(time.Minute)
		w.must(queue.KindSweep, "1")
	}
	if n := s.log.count("3 outcomes written between"); n != 1 || !s.log.says("--state refused list what became final since") {
		t.Errorf("the log says %d times that outcomes were not kept, want once, with the commands that list them", n)
	}
}
