package app

import (
	"context"
	"testing"

	"ksefworker/internal/ratelimit"
)

// Processes without file descriptors, ports or memory for a connection do not make the host count
// as down, however many processes report this lack and however often. Two processes that cannot
// connect for another reason make the host count as down.
func TestCircuits_ProcessesAreExhausted_TheHostIsNotDown(t *testing.T) {
	for name, c := range map[string]struct {
		report func(*circuits, context.Context, ratelimit.Pair) error
		want   ratelimit.CircuitPhase
	}{
		"exhausted":   {(*circuits).exhausted, ratelimit.CircuitClosed},
		"unreachable": {(*circuits).unreachable, ratelimit.CircuitOpen},
	} {
		t.Run(name, func(t *testing.T) {
			store := ratelimit.NewMemory(nil)
			pair := ratelimit.Pair{Host: "ksef.example", Tenant: "5265877635", Group: "invoiceSend"}
			var first *circuits
			for _, process := range []string{"w1", "w2", "w3"} {
				one, err := newCircuits(store, process, func() bool { return false }, ratelimit.CircuitOptions{})
				if err != nil {
					t.Fatal(err)
				}
				for range 2 * ratelimit.DefaultFailures {
					if err := c.report(one, t.Context(), pair); err != nil {
						t.Fatal(err)
					}
				}
				first = one
			}
			pool, err := first.pool.State(t.Context(), ratelimit.Pair{Host: pair.Host})
			if err != nil || pool.Phase != c.want {
				t.Errorf("the host's circuit is %v (error %v), want %v", pool.Phase, err, c.want)
			}
			if own, err := first.own.State(t.Context(), connecting(pair.Host)); err != nil || own.Phase == ratelimit.CircuitClosed {
				t.Errorf("the process's own circuit is %v (error %v), want any other phase than closed", own.Phase, err)
			}
		})
	}
}
