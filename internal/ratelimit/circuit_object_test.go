package ratelimit

import (
	"fmt"
	"testing"
	"time"

	"ksefworker/internal/redisd/redistest"
)

// of returns the pair with an object.
func of(p Pair, object string) Pair { p.Object = object; return p }

// One session whose receipt fails at every request delays no other session.
func TestObject_OneAloneFails_PairGoesOn_TwoOpenIt(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		for range 100 {
			fail(t, c, 1, of(uposOfA, "sick"))
			must(t, c.Allow(t.Context(), of(uposOfA, "sick")))
			must(t, c.Allow(t.Context(), of(uposOfA, "well")))
			must(t, c.Allow(t.Context(), uposOfA))
			clock.advance(3 * time.Second)
		}
		fail(t, c, 1, of(uposOfA, "another"))
		wantNotNow(t, c.Allow(t.Context(), of(uposOfA, "well")), 5*time.Second, ReasonOutage)
		must(t, c.Allow(t.Context(), of(listsOfA, "sick")))
	})
}

// Requests that send an invoice or open a session are about no object.
func TestObject_NoneNamed_CountsAgainstThePair(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 2, of(sendsOfA, "sick"))
		fail(t, c, 1, sendsOfA)
		wantNotNow(t, c.Allow(t.Context(), sendsOfA), 5*time.Second, ReasonOutage)
	})
}

func TestObject_FailuresFarApart_AreNotCountedTogether(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 9, of(uposOfA, "first"))
		clock.advance(5 * time.Minute)
		fail(t, c, 1, of(uposOfA, "second")) // within the longest delay
		if allowed(t, c, uposOfA) {
			t.Error("the circuit is closed although two objects have failed within the longest delay")
		}
		must(t, c.Success(t.Context(), uposOfA))
		fail(t, c, 9, of(uposOfA, "first"))
		clock.advance(5*time.Minute + tick)
		fail(t, c, 9, of(uposOfA, "second"))
		must(t, c.Allow(t.Context(), uposOfA))
	})
}

// An object that has failed lets others probe first, because one of those may succeed.
func TestObject_ProbesRotate_WhatHasFailedLetsOthersGoFirst(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{MaxDelay: 20 * time.Second})
		fail(t, c, 2, of(uposOfA, "s1"), of(uposOfA, "s2"))
		clock.advance(5 * time.Second)
		for _, sick := range []string{"s1", "s2"} { // they are told how long to wait if no other object asks
			wantNotNow(t, c.Allow(t.Context(), of(uposOfA, sick)), 5*time.Second, ReasonOutage)
		}
		if s := stateAt(t, c, of(uposOfA, "s1")); s.Wait != 5*time.Second {
			t.Errorf("the state is %+v, want the wait of an object that has failed", s)
		}
		must(t, c.Allow(t.Context(), of(uposOfA, "s3")))
		if allowed(t, c, of(uposOfA, "s4")) {
			t.Error("a second probe may go beside the first")
		}
		fail(t, c, 1, of(uposOfA, "s3"))
		clock.advance(15 * time.Second)
		must(t, c.Allow(t.Context(), of(uposOfA, "s1"))) // no other object asked: a new round
		fail(t, c, 1, of(uposOfA, "s1"))
		clock.advance(20 * time.Second)
		if allowed(t, c, of(uposOfA, "s1")) {
			t.Error("an object that has just failed goes before one that has not")
		}
		must(t, c.Allow(t.Context(), of(uposOfA, "s2")))
		must(t, c.Success(t.Context(), of(uposOfA, "s2")))
		must(t, c.Allow(t.Context(), of(uposOfA, "s1")))
	})
}

// A few objects fail, the delay has grown, and then a healthy object asks.
func TestObject_Newcomer_NeedNotWaitForTheDelayToEnd(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		sick := []Pair{of(uposOfA, "s1"), of(uposOfA, "s2")}
		fail(t, c, 2, sick...)
		for range 10 {
			clock.advance(5*time.Minute + 5*time.Second)
			p := sick[0]
			if !allowed(t, c, p) {
				p = sick[1]
				must(t, c.Allow(t.Context(), p))
			}
			fail(t, c, 1, p)
			sick[0], sick[1] = sick[1], sick[0]
		}
		well := of(uposOfA, "well")
		wantNotNow(t, c.Allow(t.Context(), well), 5*time.Second, ReasonOutage) // not at once after a failure
		clock.advance(5 * time.Second)
		wantNotNow(t, c.Allow(t.Context(), uposOfA), 5*time.Minute-5*time.Second, ReasonOutage)
		must(t, c.Allow(t.Context(), well))
		if n := c.Allow(t.Context(), of(uposOfA, "another")).(*NotNow); n.Wait != time.Minute {
			t.Errorf("a second newcomer beside the first is told %v, want to wait for a minute", n)
		}
		must(t, c.Success(t.Context(), well))
		must(t, c.Allow(t.Context(), sick[0]))
	})
}

// In an outage newcomers fail too. Their failures lengthen no delay, and only a few newcomers go.
func TestObject_NewcomersFail_OnlyAFewGo(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{FirstDelay: time.Second, MaxDelay: time.Minute})
		fail(t, c, 2, of(uposOfA, "s1"), of(uposOfA, "s2"))
		for range 6 {
			clock.advance(2 * time.Minute)
			must(t, c.Allow(t.Context(), of(uposOfA, "s1")))
			fail(t, c, 1, of(uposOfA, "s1"))
		}
		until, went := stateAt(t, c, uposOfA).Until, 0
		for i := range 30 {
			clock.advance(time.Second)
			if p := of(uposOfA, fmt.Sprint("new", i)); allowed(t, c, p) {
				went++
				fail(t, c, 1, p)
			}
		}
		if s := stateAt(t, c, uposOfA); went != maxNewcomers || !s.Until.Equal(until) {
			t.Errorf("%d newcomers went, and the delay ends at %v, want %d newcomers and %v", went, s.Until, maxNewcomers, until)
		}
	})
}

// All receipts of a tenant fail, and a pool asks for many. Apart from the requests of a few
// newcomers, many receipts cost no more requests than two receipts.
func TestObject_OutageWithManyObjects_CostsOnlyAFewMoreRequests(t *testing.T) {
	for _, objects := range []int{2, 3, 50} {
		clock := newFakeClock()
		c := newCircuit(t, NewMemory(clock.now), CircuitOptions{})
		requests := 0
		for i := 0; clock.now().Sub(newFakeClock().now()) < 24*time.Hour; i++ {
			p := of(uposOfA, fmt.Sprint(i%objects))
			if allowed(t, c, p) {
				requests++
				fail(t, c, 1, p)
			}
			clock.advance(time.Second)
		}
		// Three requests open the circuit. Then come newcomers, the shorter delays at the start,
		// and one request in five minutes.
		if limit := 3 + maxNewcomers + 6 + 24*60/5 + 1; requests > limit {
			t.Errorf("%d objects: %d requests in a day, want at most %d", objects, requests, limit)
		}
	}
}

// One object alone does not open its pair's circuit, but its failures count against the host when
// other pairs fail too.
func TestObject_OneInEachPairFails_HostIsDown(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3, of(uposOfA, "s1"), of(listsOfA, "s2"))
		must(t, c.Allow(t.Context(), of(uposOfA, "s1")))
		fail(t, c, 3, of(uposOfB, "s3"))
		wantNotNow(t, c.Allow(t.Context(), sendsOfB), 5*time.Second, ReasonOutage)
	})
}

func TestObject_ManyFail_TheRecordStaysSmall(t *testing.T) {
	client, _ := redistest.New(t)
	c := newCircuit(t, NewRedis(client, "test:"), CircuitOptions{Objects: maxObjects})
	for i := range 500 {
		fail(t, c, 1, of(uposOfA, fmt.Sprint("session", i)))
	}
	if n := client.HLen(t.Context(), "test:circuit:"+host+"|"+uposOfA.name()).Val(); n > 11+maxObjects {
		t.Errorf("the record has %d fields after 500 objects failed, want at most %d", n, 11+maxObjects)
	}
	if allowed(t, c, uposOfA) {
		t.Error("the circuit is closed although hundreds of objects fail")
	}
	must(t, c.Success(t.Context(), of(uposOfA, "session1")))
	if left := client.Keys(t.Context(), "test:circuit:*").Val(); len(left) != 0 {
		t.Errorf("the keys %v are left of a closed circuit, want none", left)
	}
}
