package ratelimit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ksefworker/internal/redisd/redistest"
)

const host = "ksefapi.pl"

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

func fail(t *testing.T, c *Circuit, times int) {
	t.Helper()
	for range times {
		must(t, c.Failure(t.Context(), host))
	}
}

func stateOf(t *testing.T, c *Circuit) CircuitState {
	t.Helper()
	s, err := c.State(t.Context(), host)
	must(t, err)
	return s
}

func TestCircuit_OpensAfterFailuresInARow(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, _ *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 2)
		must(t, c.Success(t.Context(), host)) // the row is broken
		fail(t, c, 2)
		must(t, c.Allow(t.Context(), host))
		fail(t, c, 1)
		wantNotNow(t, c.Allow(t.Context(), host), 5*time.Second, ReasonOutage)
		must(t, c.Allow(t.Context(), "another.host"))
	})
}

func TestCircuit_DelaysDoubleUpToFiveMinutes(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3)
		since := h.now()
		for _, want := range []int{5, 10, 20, 40, 80, 160, 300, 300, 300} {
			delay := time.Duration(want) * time.Second
			wantNotNow(t, c.Allow(t.Context(), host), delay, ReasonOutage)
			h.advance(delay - tick)
			wantNotNow(t, c.Allow(t.Context(), host), tick, ReasonOutage)
			h.advance(tick)
			must(t, c.Allow(t.Context(), host)) // the probe
			fail(t, c, 1)
		}
		if got := stateOf(t, c); got.Phase != CircuitOpen || !got.Since.Equal(since) || got.Failures != 12 {
			t.Errorf("state %+v, want open since the beginning with 12 failures", got)
		}
	})
}

func TestCircuit_HalfOpen_LetsOneProbeThroughAndSuccessResumesEveryone(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{ProbeTTL: 30 * time.Second})
		fail(t, c, 3)
		h.advance(5 * time.Second)
		if got := stateOf(t, c); got.Phase != CircuitHalfOpen || got.Probing || got.Wait != 0 {
			t.Errorf("state %+v, want half-open, nobody probing", got)
		}
		must(t, c.Allow(t.Context(), host))
		for range 50 {
			wantNotNow(t, c.Allow(t.Context(), host), 30*time.Second, ReasonOutage)
		}
		if got := stateOf(t, c); got.Phase != CircuitHalfOpen || !got.Probing || got.Wait != 30*time.Second {
			t.Errorf("state %+v, want half-open, probing for 30s", got)
		}
		must(t, c.Success(t.Context(), host))
		for range 50 {
			must(t, c.Allow(t.Context(), host))
		}
		if got := stateOf(t, c); got != (CircuitState{Phase: CircuitClosed}) {
			t.Errorf("state %+v, want closed", got)
		}
		fail(t, c, 3) // the growth starts anew
		wantNotNow(t, c.Allow(t.Context(), host), 5*time.Second, ReasonOutage)
	})
}

func TestCircuit_AProbeThatDies_FreesItsSlotInTime(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3)
		h.advance(5 * time.Second)
		must(t, c.Allow(t.Context(), host))
		h.advance(time.Minute - tick)
		wantNotNow(t, c.Allow(t.Context(), host), tick, ReasonOutage)
		h.advance(tick)
		must(t, c.Allow(t.Context(), host))
	})
}

func TestCircuit_AProbeNotSent_IsReleased(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3)
		h.advance(5 * time.Second)
		must(t, c.Allow(t.Context(), host))
		must(t, c.Release(t.Context(), host))
		must(t, c.Allow(t.Context(), host))
	})
}

func TestCircuit_FailuresOfRequestsUnderWay_DoNotLengthenTheDelay(t *testing.T) {
	overStores(t, func(t *testing.T, s bothStores, h *hands) {
		c := newCircuit(t, s, CircuitOptions{})
		fail(t, c, 3)
		h.advance(time.Second)
		fail(t, c, 50)
		wantNotNow(t, c.Allow(t.Context(), host), 4*time.Second, ReasonOutage)
	})
}

// A pool of twenty asks every ten seconds for three days. A probe hangs for ten seconds, then five minutes pass: 836 such rounds fit, and the six shorter ones of the beginning.
func TestCircuit_ThreeDaysOut_CostOneProbeInFiveMinutes(t *testing.T) {
	h := newHands()
	c := newCircuit(t, NewMemory(h.now), CircuitOptions{})
	fail(t, c, 3)
	probes := 0
	for range 3 * 24 * 360 {
		probed := false
		for range 20 {
			if c.Allow(t.Context(), host) == nil {
				probes++
				probed = true
			}
		}
		h.advance(10 * time.Second)
		if probed {
			fail(t, c, 1)
		}
	}
	if probes < 836 || probes > 842 {
		t.Errorf("%d probes in three days, want 836 to 842", probes)
	}
}

// Any order of events, any options: both stores answer alike to the microsecond.
func TestCircuit_StoresTellTheSameStory(t *testing.T) {
	h := newHands()
	client, _ := redistest.New(t)
	memory, shared := NewMemory(h.now), newRedisAt(client, h.now)
	lives := 0
	rapid.Check(t, func(r *rapid.T) {
		lives++
		at := fmt.Sprintf("h%d", lives)
		p := circuitPolicy{
			failures: rapid.IntRange(1, 4).Draw(r, "failures"),
			first:    time.Duration(rapid.IntRange(1, 9).Draw(r, "first")) * time.Second,
			most:     time.Duration(rapid.IntRange(9, 60).Draw(r, "most")) * time.Second,
			probe:    time.Duration(rapid.IntRange(1, 20).Draw(r, "probe")) * time.Second,
		}
		for range rapid.IntRange(1, 50).Draw(r, "events") {
			e := rapid.SampledFrom([]circuitEvent{eventAllow, eventAllow, eventFailure, eventFailure, eventSuccess, eventRelease, eventLook}).Draw(r, "event")
			m, errM := memory.stepCircuit(t.Context(), at, e, p)
			s, errS := shared.stepCircuit(t.Context(), at, e, p)
			if errM != nil || errS != nil || m != s {
				r.Fatalf("%s: memory %+v (%v), redis %+v (%v)", e, m, errM, s, errS)
			}
			h.advance(time.Duration(rapid.IntRange(0, 15_000_000).Draw(r, "pause")) * us)
		}
	})
}

func TestCircuit_ClosedHosts_LeaveNothingInRedis(t *testing.T) {
	client, _ := redistest.New(t)
	c := newCircuit(t, NewRedis(client, "test:"), CircuitOptions{})
	fail(t, c, 3)
	if ttl := client.PTTL(t.Context(), "test:circuit:"+host).Val(); ttl < 24*time.Hour || ttl > 25*time.Hour {
		t.Errorf("TTL of an open circuit %s, want a day and a little", ttl)
	}
	must(t, c.Success(t.Context(), host))
	must(t, c.Allow(t.Context(), host))
	if left := client.Keys(t.Context(), "test:circuit:*").Val(); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNewCircuit_NamesAllFaultsAtOnce(t *testing.T) {
	_, err := NewCircuit(NewMemory(nil), CircuitOptions{Failures: -1, FirstDelay: time.Minute, MaxDelay: time.Second, ProbeTTL: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"failures -1", "delays 1m0s to 1s", "probe TTL"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
	if err := newCircuit(t, NewMemory(nil), CircuitOptions{}).Allow(t.Context(), ""); err == nil {
		t.Error("an empty host was taken")
	}
}
