package ratelimit

import (
	"context"
	"fmt"
	"time"
)

// Circuit stops a pool from sending requests to what is out of service. Safe for concurrent use.
//
// Each [Pair] has a circuit of its own. While it is closed, every request goes. After a number of
// failures in a row (Failures in [CircuitOptions]) it opens, and no request of the pair goes for
// FirstDelay. Then it is half-open, and ONE request of the whole pool goes as a probe. If the probe
// fails, the circuit opens again for twice as long, up to MaxDelay. If the probe succeeds, the
// circuit closes and all may go at once. An outage of days costs one probe per MaxDelay, whatever
// the size of the pool. The delays have no random part, because only one request goes when they
// end.
//
// The host has a circuit too. This circuit comes before the circuits of the pairs and works as they
// do, but it opens only on failures that no single part can explain (see [CircuitOptions]). A
// success of any pair closes the host's circuit, because the host answers. The circuits of other
// pairs stay as they are, because a pair may still be out of service by itself. Probes rotate. The
// pair whose probe failed lets others go first, because otherwise the same sick pair could always
// be the probe. A failure while the host is down says little about the pair, so such a failure does
// not lengthen the pair's own delay. A pair that has not failed in the outage may go before the
// host's delay ends. Otherwise two sick tenants could make everybody else wait.
//
// A failed request about one object ([Pair]) may be that object's own fault. So a pair's circuit
// opens only after two objects have failed, and an object that has failed lets others probe first.
// A newcomer is an object that the pair does not remember as failed. It may go FirstDelay after the
// last failure, even if the delay has not ended. At most six newcomers go, because in an outage
// they all fail. A caller whose object is the only one that fails has to pause by itself.
//
// A failure that only one process sees may be that process's own fault. So a pool's circuit opens
// only after two processes have reported failures. Each process should have circuits of its own,
// over [Memory], and report their results here.
type Circuit struct {
	store  CircuitStore
	policy circuitPolicy
	// tenantsAt is CircuitOptions.TenantsAt.
	tenantsAt func(host string) int
}

// CircuitStore keeps the state of circuits. Only [Memory] and [Redis] implement it.
type CircuitStore interface {
	stepCircuit(ctx context.Context, p Pair, e circuitEvent, extra string, policy circuitPolicy) (circuitAnswer, error)
	openCircuits(ctx context.Context, host string) ([]Pair, error)
}

// CircuitPhase is the phase of a circuit. The list is closed, because a phase may be a metric's
// label.
type CircuitPhase string

const (
	CircuitClosed   CircuitPhase = "closed"    // requests go
	CircuitOpen     CircuitPhase = "open"      // no request goes
	CircuitHalfOpen CircuitPhase = "half-open" // one probe goes
)

// CircuitState is the state of a pair or a host, for readiness and metrics. Instants are on the
// store's clock, zero when closed. If OfHost is set, all fields but Failures and Wait describe the
// host's circuit, and Wait is the longer of the pair's wait and the host's wait.
type CircuitState struct {
	Phase    CircuitPhase
	OfHost   bool          // the host's circuit is not closed
	Failures int           // of the pair, in a row
	Since    time.Time     // when the circuit opened first in this outage
	Until    time.Time     // when the present delay ends, or ended
	Wait     time.Duration // until a request may go, unless the present probe ends sooner; zero: now
	Probing  bool          // a probe is on its way
}

// OpenCircuit is a circuit that is not closed.
type OpenCircuit struct {
	Pair
	CircuitState
}

// Allow returns nil when a request of the pair may go, *[NotNow] with [ReasonOutage] when it may
// not, and any other error when the store failed. After nil the caller MUST report
// [Circuit.Success], [Circuit.Failure], [Circuit.Unreachable] or, when it sent nothing after all,
// [Circuit.Release], because its request may be the only probe. A caller that dies blocks the probe
// for ProbeTTL. Ask the circuit before the [Limiter]. In the other order an outage would use up the
// hour's allowance with requests that never go.
func (c *Circuit) Allow(ctx context.Context, p Pair) error {
	a, err := c.step(ctx, p, eventAllow, "")
	if err != nil || a.allowed {
		return err
	}
	return c.notNow(p, a.state(c.policy))
}

func (c *Circuit) notNow(p Pair, s CircuitState) *NotNow {
	return outOfService(p, s.OfHost, s.Wait)
}

// Failure reports for this process ([CircuitOptions.Process]) that a request of the pair reached
// the host and got no proper answer. Examples are a timeout, a broken connection, 5xx, and HTML
// where JSON was due. A failure while the pair's circuit is open does not lengthen the delay,
// because such a request was under way when the circuit opened.
func (c *Circuit) Failure(ctx context.Context, p Pair) error {
	_, err := c.step(ctx, p, eventFailure, "")
	return err
}

// Unreachable reports that the named process cannot connect to the host. The report says nothing
// about the pair. The host counts as down when the request was the host's probe, or when other
// processes report the same. One process without network must not stop the pool. So each process
// should have a circuit of its own (over [Memory]) and report here when that circuit is open. The
// name must be unique among processes.
func (c *Circuit) Unreachable(ctx context.Context, p Pair, process string) error {
	_, err := c.step(ctx, p, eventUnreachable, process)
	return err
}

// Success reports that the host itself answered, with any status, because a 400 or 429 is an answer
// too. It closes the circuits of the pair and of the host.
func (c *Circuit) Success(ctx context.Context, p Pair) error {
	_, err := c.step(ctx, p, eventSuccess, "")
	return err
}

// Release reports that an allowed request was not sent, so that another request may be the probe.
func (c *Circuit) Release(ctx context.Context, p Pair) error {
	_, err := c.step(ctx, p, eventRelease, "")
	return err
}

// outOfService returns the error that tells a caller to wait. It names the pair, or only its host
// when the whole host is down.
func outOfService(p Pair, ofHost bool, wait time.Duration) *NotNow {
	n := &NotNow{Wait: wait, Reason: ReasonOutage, Host: p.Host}
	if !ofHost {
		n.Key = Key{Tenant: p.Tenant, Group: p.Group}
	}
	return n
}

// Begin asks whether a costly operation that leads to requests of the pair may begin. While the
// circuits of the pair and of the host are closed, every operation may. Otherwise one operation of
// the pair may begin, and the others get *[NotNow]. The next operation may begin when the circuits
// are closed, or after a wait. The wait is as long as the circuits have been open so far, but at
// least a twentieth of pause and at most pause. After [Circuit.Withdraw] the next operation may
// begin at once. The operations of each pair are counted separately, so no pair waits for the
// operations of another.
func (c *Circuit) Begin(ctx context.Context, p Pair, pause time.Duration) error {
	a, err := c.step(ctx, p, eventBegin, fmt.Sprint(wholeMicros(pause).Microseconds()))
	if err != nil || a.allowed {
		return err
	}
	return outOfService(p, a.host.until != 0, time.Duration(a.pair.nextBegin-a.now)*time.Microsecond)
}

// MayBegin returns nil when [Circuit.Begin] would allow an operation and the delays of the pair's
// and of the host's circuit have ended, and *[NotNow] otherwise. A pair that may go before the
// host's delay ends need not wait for that end. MayBegin does not ask whether a probe is on its
// way. It changes nothing.
func (c *Circuit) MayBegin(ctx context.Context, p Pair) error {
	a, err := c.step(ctx, p, eventRead, "")
	if err != nil || a.pair.until == 0 && a.host.until == 0 {
		return err
	}
	host := a.host.until
	if a.hostEarlyAt != 0 {
		host = min(host, a.hostEarlyAt)
	}
	ready := max(a.pair.nextBegin, a.pair.until, host)
	if ready <= a.now {
		return nil
	}
	return outOfService(p, a.host.until != 0, time.Duration(ready-a.now)*time.Microsecond)
}

// Withdraw reports that an operation ended before its first request.
func (c *Circuit) Withdraw(ctx context.Context, p Pair) error {
	_, err := c.step(ctx, p, eventWithdraw, "")
	return err
}

// State returns the state without changing it. For a host (a [Pair] with neither tenant nor group)
// it is the state of the host alone. For a pair it describes the host while the host's circuit is
// not closed; see [CircuitState].
func (c *Circuit) State(ctx context.Context, p Pair) (CircuitState, error) {
	a, err := c.step(ctx, p, eventRead, "")
	if err != nil {
		return CircuitState{}, err
	}
	return a.state(c.policy), nil
}

// Open lists the circuits of a host that are not closed, the host's own first. It changes nothing.
func (c *Circuit) Open(ctx context.Context, host string) ([]OpenCircuit, error) {
	pairs, err := c.store.openCircuits(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("list the open circuits of %s: %w", host, err)
	}
	var open []OpenCircuit
	for _, p := range pairs {
		a, err := c.step(ctx, p, eventRead, "")
		if err != nil {
			return nil, err
		}
		if p.name() != "" {
			a.host = hostAnswer{} // only the pair's own state
		}
		if s := a.state(c.policy); s.Phase != CircuitClosed {
			open = append(open, OpenCircuit{p, s})
		}
	}
	return open, nil
}

func (c *Circuit) step(ctx context.Context, p Pair, e circuitEvent, extra string) (circuitAnswer, error) {
	if err := p.validate(e); err != nil {
		return circuitAnswer{}, fmt.Errorf("circuit: %w", err)
	}
	policy := c.policy
	if c.tenantsAt != nil {
		policy.tenants = max(1, c.tenantsAt(p.Host))
	}
	a, err := c.store.stepCircuit(ctx, p, e, extra, policy)
	if err != nil {
		return circuitAnswer{}, fmt.Errorf("%s at the circuit of %s: %w", e, p, err)
	}
	return a, nil
}
