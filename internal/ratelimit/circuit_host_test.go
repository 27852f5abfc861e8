package ratelimit

import (
	"fmt"
	"testing"
	"time"
)

func allowed(t *testing.T, c *Circuit, p Pair) bool {
	t.Helper()
	err := c.Allow(t.Context(), p)
	if err == nil {
		return true
	}
	if _, notNow := err.(*NotNow); !notNow {
		t.Fatal(err)
	}
	return false
}

// downHost opens the host's circuit. Requests of two tenants and of two groups fail, so one tenant
// or one group alone does not explain the failures.
func downHost(t *testing.T, c *Circuit) {
	t.Helper()
	fail(t, c, 3, sendsOfA, uposOfA, sendsOfB)
	if s := stateAt(t, c, Pair{Host: host}); s.Phase != CircuitOpen || !s.OfHost {
		t.Fatalf("the state of the host is %+v, want its circuit open", s)
	}
}

func TestHost_OneTenantFailsInEverything_OthersGoOn(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		for range 20 {
			fail(t, c, 3, sendsOfA, uposOfA, listsOfA)
			if !allowed(t, c, sendsOfB) || allowed(t, c, sendsOfA) {
				t.Fatal("the failing tenant may send, or the other tenant may not")
			}
			clock.advance(time.Second)
		}
	})
}

func TestHost_OneGroupFailsForEverybody_OtherGroupsGoOn(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3, uposOfA, uposOfB,
			Pair{Host: host, Tenant: "3333333333", Group: uposOfA.Group},
			Pair{Host: host, Tenant: "4444444444", Group: uposOfA.Group})
		for _, p := range []Pair{sendsOfA, sendsOfB, listsOfA} {
			if !allowed(t, c, p) {
				t.Errorf("%s is stopped by the failures of another group", p)
			}
		}
	})
}

func TestHost_PairsOfTwoTenantsAndGroupsFail_IsDownForAll(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3, sendsOfA, uposOfA)
		fail(t, c, 2, sendsOfB)
		if !allowed(t, c, uposOfB) {
			t.Error("the host counts as down before the third pair's circuit is open")
		}
		fail(t, c, 1, sendsOfB)
		wantNotNow(t, c.Allow(t.Context(), uposOfB), 5*time.Second, ReasonOutage)
		if n := c.Allow(t.Context(), uposOfB).(*NotNow); n.Key != (Key{}) || n.Host != host {
			t.Errorf("%+v blames the pair, want the host", n)
		}
		if s := stateAt(t, c, uposOfB); !s.OfHost || s.Phase != CircuitOpen {
			t.Errorf("the state of a pair is %+v, want the state of the host", s)
		}
	})
}

func TestHost_AnswersAnotherPairInBetween_IsNotDown(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3, sendsOfA, uposOfA)
		must(t, c.Success(t.Context(), listsOfA))
		fail(t, c, 3, sendsOfB)
		if !allowed(t, c, uposOfB) {
			t.Error("the host counts as down although it answers")
		}
		if allowed(t, c, sendsOfA) {
			t.Error("the answer to one pair closed another pair's circuit")
		}
	})
}

func TestHost_FailuresFarApart_AreNotCountedTogether(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3, sendsOfA, uposOfA)
		clock.advance(time.Minute + tick)
		fail(t, c, 3, sendsOfB)
		if !allowed(t, c, uposOfB) {
			t.Error("the host counts as down after failures that are more than a minute apart")
		}
	})
}

// A pair that is itself out of service has opened the host's circuit together with healthy pairs.
// If the sick pair were always the probe, nobody would notice that the host works again.
func TestHost_ProbesRotate_TheSickPairLetsOthersGoFirst(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{MaxDelay: 10 * time.Second})
		downHost(t, c)
		clock.advance(5 * time.Second)
		must(t, c.Allow(t.Context(), sendsOfA))
		for _, p := range []Pair{sendsOfA, uposOfB, listsOfA} {
			if allowed(t, c, p) {
				t.Errorf("%s may go beside the first probe, want it to wait", p)
			}
		}
		fail(t, c, 1, sendsOfA)
		clock.advance(10 * time.Second)
		// This pair asks first, and is told when it may probe if no other pair does.
		wantNotNow(t, c.Allow(t.Context(), sendsOfA), 5*time.Second, ReasonOutage)
		must(t, c.Allow(t.Context(), uposOfB))
		fail(t, c, 1, uposOfB)
		clock.advance(10 * time.Second)
		if allowed(t, c, sendsOfA) || allowed(t, c, uposOfB) {
			t.Error("a pair whose probe failed goes before those that have not probed")
		}
		clock.advance(5 * time.Second)
		must(t, c.Allow(t.Context(), sendsOfA)) // no other pair asked
		fail(t, c, 1, sendsOfA)
		clock.advance(10 * time.Second)
		must(t, c.Allow(t.Context(), uposOfB)) // a new round
	})
}

// Two sick tenants have opened the circuit of a host that works, and nobody else has asked for an
// hour. A third tenant comes that never failed.
func TestHost_TwoSickTenantsAreTheOnlyTraffic_AThirdGoesWithinSeconds(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		downHost(t, c)
		sick := []Pair{sendsOfA, uposOfA, sendsOfB, uposOfB, listsOfA}
		third := Pair{Host: host, Tenant: "3333333333", Group: GroupInvoiceSend}
		begun, requests := clock.now(), 0
		for i := 0; clock.now().Sub(begun) < time.Hour; i++ {
			if p := sick[i%len(sick)]; allowed(t, c, p) {
				requests++
				fail(t, c, 1, p)
			}
			if wait := stateAt(t, c, third).Wait; wait > 5*time.Second {
				t.Fatalf("after %s a tenant that never failed waits %s", clock.now().Sub(begun), wait)
			}
			clock.advance(time.Second)
		}
		if requests > 2+6+60/5+1 { // newcomers, the shorter delays of the beginning, then one request in five minutes
			t.Errorf("the sick pairs made %d requests in an hour, want at most %d", requests, 2+6+60/5+1)
		}
		if !allowed(t, c, third) {
			clock.advance(5 * time.Second)
			must(t, c.Allow(t.Context(), third))
		}
		must(t, c.Success(t.Context(), third))
		must(t, c.Allow(t.Context(), Pair{Host: host, Tenant: "4444444444", Group: GroupInvoiceSend}))
	})
}

// A pair that never failed may probe during an outage, too. Such pairs go one at a time, at most
// six in one delay and each once, and their failures do not lengthen the delay.
func TestHost_NewcomersFail_EachOnceAndAFewInOneDelay(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{FirstDelay: time.Second, MaxDelay: 5 * time.Minute})
		downHost(t, c)
		for range 10 {
			clock.advance(10 * time.Minute)
			must(t, c.Allow(t.Context(), sendsOfA))
			fail(t, c, 1, sendsOfA)
		}
		until, went := stateAt(t, c, Pair{Host: host}).Until, 0
		asked := map[Pair]int{}
		for i := range 60 {
			p := Pair{Host: host, Tenant: fmt.Sprint("new", i%20), Group: GroupInvoiceSend}
			if !allowed(t, c, p) {
				clock.advance(time.Second)
				continue
			}
			if other := (Pair{Host: host, Tenant: "another", Group: GroupInvoiceSend}); allowed(t, c, other) {
				t.Fatal("a second newcomer may go beside the first")
			}
			went++
			asked[p]++
			fail(t, c, 1, p)
		}
		if s := stateAt(t, c, Pair{Host: host}); went != maxNewcomers || len(asked) != maxNewcomers || !s.Until.Equal(until) {
			t.Errorf("%d requests of %d pairs went, and the delay ends at %v, want %d requests of as many pairs, and %v",
				went, len(asked), s.Until, maxNewcomers, until)
		}
	})
}

func TestHost_AnySuccessClosesItsCircuit_TheSickPairsCircuitStaysOpen(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		downHost(t, c)
		clock.advance(5 * time.Second)
		must(t, c.Allow(t.Context(), sendsOfA))
		fail(t, c, 1, sendsOfA)
		clock.advance(10 * time.Second)
		must(t, c.Allow(t.Context(), listsOfA))
		must(t, c.Success(t.Context(), listsOfA))
		for _, p := range []Pair{listsOfA, uposOfB, listsOfA} {
			must(t, c.Allow(t.Context(), p))
		}
		if s := stateAt(t, c, Pair{Host: host}); s != (CircuitState{Phase: CircuitClosed}) {
			t.Errorf("the state of the host is %+v, want its circuit closed", s)
		}
		must(t, c.Allow(t.Context(), sendsOfA)) // its own probe
		fail(t, c, 1, sendsOfA)
		if allowed(t, c, sendsOfA) || !allowed(t, c, listsOfA) {
			t.Error("the sick pair's failure stops another pair, or does not stop the sick pair")
		}
	})
}

// A pair that probed a host that was down for days must not wait another five minutes when the host
// is back.
func TestHost_FailedProbes_DoNotGrowThePairsOwnDelay(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		downHost(t, c)
		for range 10 {
			clock.advance(10 * time.Minute)
			must(t, c.Allow(t.Context(), sendsOfA))
			fail(t, c, 1, sendsOfA)
		}
		clock.advance(10 * time.Minute)
		must(t, c.Allow(t.Context(), uposOfB))
		if allowed(t, c, sendsOfA) {
			t.Fatal("a second probe may go beside the first")
		}
		must(t, c.Success(t.Context(), uposOfB))
		must(t, c.Allow(t.Context(), sendsOfA))
	})
}

func TestHost_ProbeOfAProcessThatDied_FreesItsSlotInTime(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		downHost(t, c)
		clock.advance(5 * time.Second)
		must(t, c.Allow(t.Context(), sendsOfA))
		clock.advance(time.Minute - tick)
		wantNotNow(t, c.Allow(t.Context(), uposOfB), tick, ReasonOutage)
		clock.advance(tick)
		must(t, c.Allow(t.Context(), uposOfB))
		// The result of a request that was under way before is not the probe's result.
		fail(t, c, 1, listsOfA)
		must(t, c.Release(t.Context(), listsOfA))
		if allowed(t, c, uposOfA) {
			t.Error("a second probe may go beside the first")
		}
		must(t, c.Release(t.Context(), uposOfB))
		must(t, c.Allow(t.Context(), uposOfA))
	})
}

func TestHost_OneProcessCannotConnect_PoolGoesOn_TwoAreAnOutage(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		for range 50 {
			must(t, c.Unreachable(t.Context(), sendsOfA, "worker-1"))
			must(t, c.Unreachable(t.Context(), uposOfB, "worker-1"))
		}
		must(t, c.Allow(t.Context(), sendsOfA))
		must(t, c.Unreachable(t.Context(), sendsOfA, "worker-2"))
		wantNotNow(t, c.Allow(t.Context(), sendsOfA), 5*time.Second, ReasonOutage)
		clock.advance(5 * time.Second)
		must(t, c.Allow(t.Context(), sendsOfA)) // the pair is not at fault
		must(t, c.Unreachable(t.Context(), sendsOfA, "worker-1"))
		// The delay has doubled, and the pair that failed lets others go first.
		wantNotNow(t, c.Allow(t.Context(), sendsOfA), 15*time.Second, ReasonOutage)
		wantNotNow(t, c.Allow(t.Context(), uposOfB), 5*time.Second, ReasonOutage) // this pair has not failed
	})
}

func TestOpen_ListsCircuitsThatAreNotClosed(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		since := clock.now()
		fail(t, c, 2, listsOfA)
		fail(t, c, 3, uposOfA)
		must(t, c.Failure(t.Context(), Pair{Host: "another", Tenant: "1", Group: "a"}))
		open, err := c.Open(t.Context(), host)
		must(t, err)
		if len(open) != 1 || open[0].Pair != uposOfA || open[0].Phase != CircuitOpen || !open[0].Since.Equal(since) {
			t.Errorf("the open circuits are %+v, want that of tenant A's UPOs alone, open since %v", open, since)
		}
		fail(t, c, 3, sendsOfA, sendsOfB)
		open, err = c.Open(t.Context(), host)
		must(t, err)
		if len(open) != 4 || open[0].Pair != (Pair{Host: host}) || !open[0].OfHost || open[1].OfHost {
			t.Errorf("the open circuits are %+v, want those of the host and of three pairs", open)
		}
		for _, p := range []Pair{sendsOfA, uposOfA, sendsOfB} {
			must(t, c.Success(t.Context(), p))
		}
		if open, err = c.Open(t.Context(), host); err != nil || len(open) != 0 {
			t.Errorf("the open circuits are %+v (error %v), want none", open, err)
		}
	})
}

// Begin is for operations that cost a session. While the host is down, each pair may begin one
// operation at a time, with a growing pause before its next operation.
func TestBegin_HostDown_OneOfEachPairAtATimeWithGrowingPauses(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{Pairs: 1, Tenants: 1, Groups: 1})
		const pause = 20 * time.Minute
		for range 3 {
			must(t, c.Begin(t.Context(), sendsOfA, pause))
		}
		fail(t, c, 3)
		wantNotNow(t, c.MayBegin(t.Context(), sendsOfA), 5*time.Second, ReasonOutage)
		clock.advance(5 * time.Second)
		must(t, c.MayBegin(t.Context(), sendsOfA))
		must(t, c.Begin(t.Context(), sendsOfA, pause))
		wantNotNow(t, c.MayBegin(t.Context(), sendsOfA), pause/20, ReasonOutage)
		wantNotNow(t, c.Begin(t.Context(), sendsOfA, pause), pause/20, ReasonOutage)
		must(t, c.Withdraw(t.Context(), sendsOfA)) // as a caller does when another circuit refuses its first request
		for down := 5 * time.Second; down < 10*time.Hour; {
			must(t, c.Begin(t.Context(), sendsOfA, pause))
			next := min(max(down, pause/20), pause) // as long as the host has been down
			wantNotNow(t, c.Begin(t.Context(), sendsOfA, pause), next, ReasonOutage)
			clock.advance(next)
			down += next
		}
		must(t, c.Begin(t.Context(), sendsOfA, pause))
		// An operation of one pair does not count against another pair.
		must(t, c.MayBegin(t.Context(), sendsOfB))
		must(t, c.Begin(t.Context(), sendsOfB, pause))
		wantNotNow(t, c.Begin(t.Context(), sendsOfB, pause), pause, ReasonOutage)
		must(t, c.Success(t.Context(), sendsOfA))
		must(t, c.Begin(t.Context(), sendsOfA, pause))
		must(t, c.MayBegin(t.Context(), sendsOfA))
		must(t, c.Begin(t.Context(), sendsOfB, pause))
	})
}

// When KSeF does not take one tenant's packages, only that tenant waits before it begins again.
func TestBegin_OnePairIsOpen_OthersBeginAsBefore(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		const pause = 20 * time.Minute
		fail(t, c, 3)
		wantNotNow(t, c.MayBegin(t.Context(), sendsOfA), 5*time.Second, ReasonOutage)
		clock.advance(5 * time.Second)
		must(t, c.Begin(t.Context(), sendsOfA, pause))
		wantNotNow(t, c.Begin(t.Context(), sendsOfA, pause), time.Minute, ReasonOutage)
		for range 3 {
			must(t, c.MayBegin(t.Context(), sendsOfB))
			must(t, c.Begin(t.Context(), sendsOfB, pause))
		}
	})
}
