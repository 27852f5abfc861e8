package ratelimit

import (
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

// downHost fails what no single part explains: two tenants, two groups.
func downHost(t *testing.T, c *Circuit) {
	t.Helper()
	fail(t, c, 3, sendsOfA, uposOfA, sendsOfB)
	if s := stateAt(t, c, Pair{Host: host}); s.Phase != CircuitOpen || !s.OfHost {
		t.Fatalf("host %+v, want open", s)
	}
}

func TestHost_OneTenantFailsInEverything_OthersGoOn(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		for range 20 {
			fail(t, c, 3, sendsOfA, uposOfA, listsOfA)
			if !allowed(t, c, sendsOfB) || allowed(t, c, sendsOfA) {
				t.Fatal("the wrong tenant is held up")
			}
			h.advance(time.Second)
		}
	})
}

func TestHost_OneGroupFailsForEverybody_OtherGroupsGoOn(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3, uposOfA, uposOfB, Pair{Host: host, Tenant: "3333333333", Group: uposOfA.Group}, Pair{Host: host, Tenant: "4444444444", Group: uposOfA.Group})
		for _, p := range []Pair{sendsOfA, sendsOfB, listsOfA} {
			if !allowed(t, c, p) {
				t.Errorf("%s is held up by another group", p)
			}
		}
	})
}

func TestHost_PairsOfTwoTenantsAndGroupsFail_IsDownForAll(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3, sendsOfA, uposOfA)
		fail(t, c, 2, sendsOfB)
		if !allowed(t, c, uposOfB) {
			t.Error("down before the third pair's circuit is open")
		}
		fail(t, c, 1, sendsOfB)
		wantNotNow(t, c.Allow(t.Context(), uposOfB), 5*time.Second, ReasonOutage)
		if n := c.Allow(t.Context(), uposOfB).(*NotNow); n.Key != (Key{}) || n.Host != host {
			t.Errorf("%+v blames the pair, want the host", n)
		}
		if s := stateAt(t, c, uposOfB); !s.OfHost || s.Phase != CircuitOpen {
			t.Errorf("state of a pair %+v, want that of the host", s)
		}
	})
}

func TestHost_AnswersSomebodyInBetween_IsNotDown(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3, sendsOfA, uposOfA)
		must(t, c.Success(t.Context(), listsOfA))
		fail(t, c, 3, sendsOfB)
		if !allowed(t, c, uposOfB) {
			t.Error("down although it answers")
		}
		if allowed(t, c, sendsOfA) {
			t.Error("the answer to one pair closed another pair's circuit")
		}
	})
}

func TestHost_FailuresFarApart_AreNotCountedTogether(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3, sendsOfA, uposOfA)
		h.advance(time.Minute + tick)
		fail(t, c, 3, sendsOfB)
		if !allowed(t, c, uposOfB) {
			t.Error("down by failures of two different minutes")
		}
	})
}

// The pair that is sick by itself has opened the host's circuit together with others that were not.
// It must not be the one that always asks: then the host would never be found well.
func TestHost_ProbesRotate_TheSickPairLetsOthersGoFirst(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{MaxDelay: 10 * time.Second})
		downHost(t, c)
		h.advance(5 * time.Second)
		must(t, c.Allow(t.Context(), sendsOfA))
		for _, p := range []Pair{sendsOfA, uposOfB, listsOfA} {
			if allowed(t, c, p) {
				t.Errorf("%s is a second probe", p)
			}
		}
		fail(t, c, 1, sendsOfA)
		h.advance(10 * time.Second)
		// It comes first, and is told when it may if nobody else comes.
		wantNotNow(t, c.Allow(t.Context(), sendsOfA), 5*time.Second, ReasonOutage)
		must(t, c.Allow(t.Context(), uposOfB))
		fail(t, c, 1, uposOfB)
		h.advance(10 * time.Second)
		if allowed(t, c, sendsOfA) || allowed(t, c, uposOfB) {
			t.Error("who has failed to probe comes before those who have not")
		}
		h.advance(5 * time.Second)
		must(t, c.Allow(t.Context(), sendsOfA)) // nobody else came
		fail(t, c, 1, sendsOfA)
		h.advance(10 * time.Second)
		must(t, c.Allow(t.Context(), uposOfB)) // a new round
	})
}

func TestHost_AnySuccessClosesIt_TheSickPairStaysShut(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		downHost(t, c)
		h.advance(5 * time.Second)
		must(t, c.Allow(t.Context(), sendsOfA))
		fail(t, c, 1, sendsOfA)
		h.advance(10 * time.Second)
		must(t, c.Allow(t.Context(), listsOfA))
		must(t, c.Success(t.Context(), listsOfA))
		for _, p := range []Pair{listsOfA, uposOfB, listsOfA} {
			must(t, c.Allow(t.Context(), p))
		}
		if s := stateAt(t, c, Pair{Host: host}); s != (CircuitState{Phase: CircuitClosed}) {
			t.Errorf("host %+v, want closed", s)
		}
		must(t, c.Allow(t.Context(), sendsOfA)) // its own probe
		fail(t, c, 1, sendsOfA)
		if allowed(t, c, sendsOfA) || !allowed(t, c, listsOfA) {
			t.Error("the sick pair's failure is not its own")
		}
	})
}

// A pair that happened to probe a host that was away for days must not rest for five minutes more
// when the host is back.
func TestHost_FailedProbes_DoNotGrowThePairsOwnDelay(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		downHost(t, c)
		for range 10 {
			h.advance(10 * time.Minute)
			must(t, c.Allow(t.Context(), sendsOfA))
			fail(t, c, 1, sendsOfA)
		}
		h.advance(10 * time.Minute)
		must(t, c.Allow(t.Context(), uposOfB))
		if allowed(t, c, sendsOfA) {
			t.Fatal("a second probe")
		}
		must(t, c.Success(t.Context(), uposOfB))
		must(t, c.Allow(t.Context(), sendsOfA))
	})
}

func TestHost_ProbeOfAProcessThatDied_FreesItsSlotInTime(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		downHost(t, c)
		h.advance(5 * time.Second)
		must(t, c.Allow(t.Context(), sendsOfA))
		h.advance(time.Minute - tick)
		wantNotNow(t, c.Allow(t.Context(), uposOfB), tick, ReasonOutage)
		h.advance(tick)
		must(t, c.Allow(t.Context(), uposOfB))
		// What a request that was under way before says now is not the probe's answer.
		fail(t, c, 1, listsOfA)
		must(t, c.Release(t.Context(), listsOfA))
		if allowed(t, c, uposOfA) {
			t.Error("a second probe")
		}
		must(t, c.Release(t.Context(), uposOfB))
		must(t, c.Allow(t.Context(), uposOfA))
	})
}

func TestHost_OneProcessCannotConnect_PoolGoesOn_TwoAreAnOutage(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		for range 50 {
			must(t, c.Unreachable(t.Context(), sendsOfA, "worker-1"))
			must(t, c.Unreachable(t.Context(), uposOfB, "worker-1"))
		}
		must(t, c.Allow(t.Context(), sendsOfA))
		must(t, c.Unreachable(t.Context(), sendsOfA, "worker-2"))
		wantNotNow(t, c.Allow(t.Context(), sendsOfA), 5*time.Second, ReasonOutage)
		h.advance(5 * time.Second)
		must(t, c.Allow(t.Context(), sendsOfA)) // the pair is not to blame
		must(t, c.Unreachable(t.Context(), sendsOfA, "worker-1"))
		wantNotNow(t, c.Allow(t.Context(), uposOfB), 10*time.Second, ReasonOutage)
	})
}

func TestOpen_ListsWhatIsNotClosed(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		since := h.now()
		fail(t, c, 2, listsOfA)
		fail(t, c, 3, uposOfA)
		must(t, c.Failure(t.Context(), Pair{Host: "another", Tenant: "1", Group: "a"}))
		open, err := c.Open(t.Context(), host)
		must(t, err)
		if len(open) != 1 || open[0].Pair != uposOfA || open[0].Phase != CircuitOpen || !open[0].Since.Equal(since) {
			t.Errorf("open are %+v, want the UPOs of A since now", open)
		}
		fail(t, c, 3, sendsOfA, sendsOfB)
		open, err = c.Open(t.Context(), host)
		must(t, err)
		if len(open) != 4 || open[0].Pair != (Pair{Host: host}) || !open[0].OfHost || open[1].OfHost {
			t.Errorf("open are %+v, want the host and three pairs", open)
		}
		for _, p := range []Pair{sendsOfA, uposOfA, sendsOfB} {
			must(t, c.Success(t.Context(), p))
		}
		if open, err = c.Open(t.Context(), host); err != nil || len(open) != 0 {
			t.Errorf("open are %+v (%v), want none", open, err)
		}
	})
}

// Something that costs a session: while the host is down one may begin, the next after a pause that
// grows.
func TestBegin_HostDown_OneAtATimeEverMoreRarely(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{Pairs: 1, Tenants: 1, Groups: 1})
		const pause = 20 * time.Minute
		for range 3 {
			must(t, c.Begin(t.Context(), host, pause))
		}
		fail(t, c, 3)
		wantNotNow(t, c.MayBegin(t.Context(), host), 5*time.Second, ReasonOutage)
		h.advance(5 * time.Second)
		must(t, c.MayBegin(t.Context(), host))
		must(t, c.Begin(t.Context(), host, pause))
		wantNotNow(t, c.MayBegin(t.Context(), host), pause/20, ReasonOutage)
		wantNotNow(t, c.Begin(t.Context(), host, pause), pause/20, ReasonOutage)
		must(t, c.Withdraw(t.Context(), host)) // it was refused elsewhere
		for down := 5 * time.Second; down < 10*time.Hour; {
			must(t, c.Begin(t.Context(), host, pause))
			next := min(max(down, pause/20), pause) // as long again as it has been down
			wantNotNow(t, c.Begin(t.Context(), host, pause), next, ReasonOutage)
			h.advance(next)
			down += next
		}
		must(t, c.Begin(t.Context(), host, pause))
		must(t, c.Success(t.Context(), sendsOfA))
		must(t, c.Begin(t.Context(), host, pause))
		must(t, c.MayBegin(t.Context(), host))
	})
}
