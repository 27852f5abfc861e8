package ratelimit

import (
	"testing"
	"time"
)

func TestProcess_OneAloneFails_PoolGoesOn_TwoAreAnOutageOfThePair(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		one := newCircuit(t, s, CircuitOptions{Failures: 1, Process: "w1"})
		two := newCircuit(t, s, CircuitOptions{Failures: 1, Process: "w2"})
		for range 20 {
			fail(t, one, 3, sendsOfA, uposOfA, sendsOfB, uposOfB)
		}
		for _, p := range []Pair{sendsOfA, uposOfB} {
			must(t, two.Allow(t.Context(), p))
		}
		clock.advance(time.Minute + tick)
		fail(t, two, 1) // the failure of the other process is too old to count
		must(t, one.Allow(t.Context(), sendsOfA))
		fail(t, one, 1)
		wantNotNow(t, two.Allow(t.Context(), sendsOfA), 5*time.Second, ReasonOutage)
		must(t, one.Allow(t.Context(), sendsOfB))
	})
}

func TestProcess_FailedLast_LetsOthersProbeFirst(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		one := newCircuit(t, s, CircuitOptions{Failures: 1, Process: "w1"})
		two := newCircuit(t, s, CircuitOptions{Failures: 1, Process: "w2"})
		fail(t, two, 1)
		fail(t, one, 1)
		clock.advance(5 * time.Second)
		wantNotNow(t, one.Allow(t.Context(), sendsOfA), 5*time.Second, ReasonOutage)
		must(t, two.Allow(t.Context(), sendsOfA))
		fail(t, two, 1)
		clock.advance(15 * time.Second)
		must(t, two.Allow(t.Context(), sendsOfA)) // no other process has asked
	})
}

func TestProcess_TwoReportSeveralPairs_HostIsDown_OneAloneIsNotEnough(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		one := newCircuit(t, s, CircuitOptions{Failures: 1, Process: "w1"})
		two := newCircuit(t, s, CircuitOptions{Failures: 1, Process: "w2"})
		fail(t, one, 1, sendsOfA, uposOfA, sendsOfB)
		if s := stateAt(t, two, Pair{Host: host}); s.Phase != CircuitClosed {
			t.Errorf("the host's circuit is %+v after the reports of one process, want closed", s)
		}
		fail(t, two, 1, uposOfB)
		if s := stateAt(t, two, Pair{Host: host}); s.Phase != CircuitOpen {
			t.Errorf("the host's circuit is %+v after the reports of two processes, want open", s)
		}
	})
}
