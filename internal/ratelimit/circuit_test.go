package ratelimit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ksefworker/internal/redisd/redistest"
)

const host = "ksefapi.pl"

// Pairs of one host, of two tenants.
var (
	sendsOfA = Pair{Host: host, Tenant: "1111111111", Group: GroupInvoiceSend}
	uposOfA  = Pair{Host: host, Tenant: "1111111111", Group: "sessionMisc:upo"}
	listsOfA = Pair{Host: host, Tenant: "1111111111", Group: GroupSessionInvoiceList}
	sendsOfB = Pair{Host: host, Tenant: "2222222222", Group: GroupInvoiceSend}
	uposOfB  = Pair{Host: host, Tenant: "2222222222", Group: "sessionMisc:upo"}
)

func newCircuit(t *testing.T, s CircuitStore, o CircuitOptions) *Circuit {
	t.Helper()
	c, err := NewCircuit(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fail(t *testing.T, c *Circuit, times int, pairs ...Pair) {
	t.Helper()
	if len(pairs) == 0 {
		pairs = []Pair{sendsOfA}
	}
	for _, p := range pairs {
		for range times {
			must(t, c.Failure(t.Context(), p))
		}
	}
}

func stateOf(t *testing.T, c *Circuit) CircuitState { t.Helper(); return stateAt(t, c, sendsOfA) }

func stateAt(t *testing.T, c *Circuit, p Pair) CircuitState {
	t.Helper()
	s, err := c.State(t.Context(), p)
	must(t, err)
	return s
}

func TestCircuit_OpensAfterFailuresInARow(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 2)
		must(t, c.Success(t.Context(), sendsOfA)) // the row is broken
		fail(t, c, 2)
		must(t, c.Allow(t.Context(), sendsOfA))
		fail(t, c, 1)
		wantNotNow(t, c.Allow(t.Context(), sendsOfA), 5*time.Second, ReasonOutage)
		must(t, c.Allow(t.Context(), Pair{Host: "another.host", Tenant: sendsOfA.Tenant, Group: sendsOfA.Group}))
		must(t, c.Allow(t.Context(), uposOfA))
		must(t, c.Allow(t.Context(), sendsOfB))
	})
}

func TestCircuit_DelaysDoubleUpToFiveMinutes(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3)
		since := clock.now()
		for _, want := range []int{5, 10, 20, 40, 80, 160, 300, 300, 300} {
			delay := time.Duration(want) * time.Second
			wantNotNow(t, c.Allow(t.Context(), sendsOfA), delay, ReasonOutage)
			clock.advance(delay - tick)
			wantNotNow(t, c.Allow(t.Context(), sendsOfA), tick, ReasonOutage)
			clock.advance(tick)
			must(t, c.Allow(t.Context(), sendsOfA)) // the probe
			fail(t, c, 1)
		}
		if got := stateOf(t, c); got.Phase != CircuitOpen || !got.Since.Equal(since) || got.Failures != 12 {
			t.Errorf("state %+v, want open since %v with 12 failures", got, since)
		}
	})
}

func TestCircuit_HalfOpen_LetsOneProbeThroughAndSuccessResumesEveryone(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{ProbeTTL: 30 * time.Second})
		fail(t, c, 3)
		clock.advance(5 * time.Second)
		if got := stateOf(t, c); got.Phase != CircuitHalfOpen || got.Probing || got.Wait != 0 {
			t.Errorf("state %+v, want half-open without a probe", got)
		}
		must(t, c.Allow(t.Context(), sendsOfA))
		for range 50 {
			wantNotNow(t, c.Allow(t.Context(), sendsOfA), 30*time.Second, ReasonOutage)
		}
		if got := stateOf(t, c); got.Phase != CircuitHalfOpen || !got.Probing || got.Wait != 30*time.Second {
			t.Errorf("state %+v, want half-open with a probe, and a wait of 30s", got)
		}
		must(t, c.Success(t.Context(), sendsOfA))
		for range 50 {
			must(t, c.Allow(t.Context(), sendsOfA))
		}
		if got := stateOf(t, c); got != (CircuitState{Phase: CircuitClosed}) {
			t.Errorf("state %+v, want closed", got)
		}
		fail(t, c, 3) // the delays begin again with the shortest
		wantNotNow(t, c.Allow(t.Context(), sendsOfA), 5*time.Second, ReasonOutage)
	})
}

func TestCircuit_AProbeThatDies_FreesItsSlotInTime(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3)
		clock.advance(5 * time.Second)
		must(t, c.Allow(t.Context(), sendsOfA))
		clock.advance(time.Minute - tick)
		wantNotNow(t, c.Allow(t.Context(), sendsOfA), tick, ReasonOutage)
		clock.advance(tick)
		must(t, c.Allow(t.Context(), sendsOfA))
	})
}

func TestCircuit_AProbeNotSent_IsReleased(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3)
		clock.advance(5 * time.Second)
		must(t, c.Allow(t.Context(), sendsOfA))
		must(t, c.Release(t.Context(), sendsOfA))
		must(t, c.Allow(t.Context(), sendsOfA))
	})
}

func TestCircuit_FailuresOfRequestsUnderWay_DoNotLengthenTheDelay(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3)
		clock.advance(time.Second)
		fail(t, c, 50)
		wantNotNow(t, c.Allow(t.Context(), sendsOfA), 4*time.Second, ReasonOutage)
	})
}

// A pool of twenty asks every ten seconds for three days. A probe hangs for ten seconds, and then
// five minutes pass. In three days about 836 such rounds fit. The first six rounds are shorter.
func TestCircuit_OutageOfThreeDays_CostsOneProbeInFiveMinutes(t *testing.T) {
	clock := newFakeClock()
	c := newCircuit(t, NewMemory(clock.now), CircuitOptions{})
	fail(t, c, 3)
	probes := 0
	for range 3 * 24 * 360 {
		probed := false
		for range 20 {
			if c.Allow(t.Context(), sendsOfA) == nil {
				probes++
				probed = true
			}
		}
		clock.advance(10 * time.Second)
		if probed {
			fail(t, c, 1)
		}
	}
	if probes < 836 || probes > 842 {
		t.Errorf("%d probes in three days, want 836 to 842", probes)
	}
}

// Both stores give the same answers to the microsecond, for any options and for any order of events
// of pairs and processes.
func TestCircuit_BothStores_AnswerAlike(t *testing.T) {
	clock := newFakeClock()
	client, _ := redistest.New(t)
	memory, shared := NewMemory(clock.now), newRedisAt(client, clock.now)
	runs, down := 0, 0
	objects := []string{"", "", "s1", "s1", "s:2"}
	for i := range maxObjects { // so there are more objects than a pair remembers
		objects = append(objects, fmt.Sprint("more", i))
	}
	rapid.Check(t, func(r *rapid.T) {
		runs++
		at := fmt.Sprintf("h%d", runs)
		seconds := func(low, high int, label string) time.Duration {
			return time.Duration(rapid.IntRange(low, high).Draw(r, label)) * time.Second
		}
		p := circuitPolicy{
			failures:   rapid.IntRange(1, 3).Draw(r, "failures"),
			firstDelay: seconds(1, 9, "first delay"),
			maxDelay:   seconds(9, 60, "max delay"),
			probeTTL:   seconds(1, 20, "probe TTL"),
			pairs:      rapid.IntRange(1, 3).Draw(r, "pairs"),
			tenants:    rapid.IntRange(1, 2).Draw(r, "tenants"),
			groups:     rapid.IntRange(1, 2).Draw(r, "groups"),
			objects:    rapid.IntRange(1, 3).Draw(r, "objects"),
			processes:  rapid.IntRange(1, 2).Draw(r, "processes"),
			window:     seconds(5, 60, "window"),
			grace:      seconds(1, 5, "grace"),
		}
		events := []circuitEvent{eventAllow, eventAllow, eventAllow, eventFailure, eventFailure, eventFailure, eventSuccess, eventRelease,
			eventUnreachable, eventBegin, eventWithdraw, eventRead}
		for range rapid.IntRange(1, 60).Draw(r, "events") {
			e := rapid.SampledFrom(events).Draw(r, "event")
			p.process = rapid.SampledFrom([]string{"w1", "w1", "w:2", "w3", ""}).Draw(r, "reporter")
			tenant := rapid.SampledFrom([]string{"1", "2"}).Draw(r, "tenant")
			pair := Pair{
				Host: at, Tenant: tenant, Group: rapid.SampledFrom([]string{"a", "b:c"}).Draw(r, "group"),
				Object: rapid.SampledFrom(objects).Draw(r, "object"),
			}
			extra := ""
			switch e {
			case eventUnreachable:
				extra = rapid.SampledFrom([]string{"w1", "w:2"}).Draw(r, "process")
			case eventBegin:
				extra = "30000000"
			}
			if e.ofHost() && rapid.Bool().Draw(r, "host alone") {
				pair = Pair{Host: at}
			}
			m, errM := memory.stepCircuit(t.Context(), pair, e, extra, p)
			s, errS := shared.stepCircuit(t.Context(), pair, e, extra, p)
			if errM != nil || errS != nil || m != s {
				r.Fatalf("%s of %s: memory answers %+v (error %v), redis %+v (error %v), want the same", e, pair, m, errM, s, errS)
			}
			if m.host.until != 0 {
				down++
			}
			open, errM := memory.openCircuits(t.Context(), at)
			openS, errS := shared.openCircuits(t.Context(), at)
			if errM != nil || errS != nil || !slices.Equal(open, openS) {
				r.Fatalf("after %s of %s: memory lists %v (error %v), redis %v (error %v), want the same", e, pair, open, errM, openS, errS)
			}
			clock.advance(time.Duration(rapid.IntRange(0, 8_000_000).Draw(r, "pause")) * us)
		}
	})
	if down < 100 {
		t.Errorf("the host was down after %d events, want at least 100, because this test covers too little otherwise", down)
	}
}

func TestCircuit_RedisKeysExpire_AndClosedCircuitsLeaveNone(t *testing.T) {
	client, _ := redistest.New(t)
	c := newCircuit(t, NewRedis(client, "test:"), CircuitOptions{})
	fail(t, c, 1, listsOfA)
	fail(t, c, 3, sendsOfA, uposOfA, sendsOfB)
	keys := client.Keys(t.Context(), "test:circuit*").Val()
	if len(keys) != 6 {
		t.Errorf("the keys are %v, want those of four pairs, of the host and of its index", keys)
	}
	for _, key := range keys {
		if key == "test:rate-clock" {
			continue // one for all circuits; it never expires
		}
		if ttl := client.PTTL(t.Context(), key).Val(); ttl < 23*time.Hour || ttl > 49*time.Hour {
			t.Errorf("the key %s expires after %s, want about a day, or two days for the index", key, ttl)
		}
	}
	for _, p := range []Pair{sendsOfA, uposOfA, sendsOfB, listsOfA} {
		must(t, c.Success(t.Context(), p))
	}
	must(t, c.Allow(t.Context(), sendsOfA))
	if left := client.Keys(t.Context(), "test:circuit:*").Val(); len(left) != 0 {
		t.Errorf("the keys %v are left of closed circuits, want none", left)
	}
}

func TestNewCircuit_NamesAllFaultsAtOnce(t *testing.T) {
	_, err := NewCircuit(NewMemory(nil), CircuitOptions{
		Failures: -1, FirstDelay: time.Minute, MaxDelay: time.Second, ProbeTTL: -1, Window: -1, Tenants: -2, Objects: 9,
	})
	if err == nil {
		t.Fatal("NewCircuit took options with faults")
	}
	for _, want := range []string{"failures -1", "delays 1m0s to 1s", "probe TTL", "window", "-2 tenants", "9 objects"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	for _, p := range []Pair{
		{}, {Host: host}, {host, "1", "", ""}, {host, "", "a", ""}, {host, "1:2", "a", ""},
		{"", "1", "a", ""}, {"a|b", "1", "a", ""},
	} {
		if err := newCircuit(t, NewMemory(nil), CircuitOptions{}).Allow(t.Context(), p); err == nil {
			t.Errorf("Allow took the pair %+v", p)
		}
	}
}
