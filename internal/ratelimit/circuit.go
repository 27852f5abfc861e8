package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// CircuitOptions of a [Circuit]; zero fields mean the default.
type CircuitOptions struct {
	Failures   int           // so many failures in a row open the circuit; default 3
	FirstDelay time.Duration // how long it stays open at first, doubled each time; default 5 s
	MaxDelay   time.Duration // the longest it stays open; default 5 min
	// ProbeTTL is how long one probe may be on its way before another may be sent; default 1 min. It should be longer than the timeout of a request, or a slow outage gets a second
	// probe while the first still hangs.
	ProbeTTL time.Duration
}

// Circuit keeps a pool from knocking at a host that is out of service. Safe for concurrent use.
//
// Closed, it lets everything through. After Failures failures in a row it opens: nothing goes for FirstDelay. Then it is half-open: ONE request of the
// whole pool goes as a probe. Its failure opens the circuit again for twice as long, up to MaxDelay; its success closes it, and everyone may go at once. An outage of days
// costs one probe per MaxDelay, whatever the size of the pool. The delays have no random part: only one request goes when they end, so there is no crowd to scatter.
type Circuit struct {
	store  CircuitStore
	policy circuitPolicy
}

// CircuitStore keeps the state of circuits; implemented by [Memory] and [Redis] and by nothing outside.
type CircuitStore interface {
	stepCircuit(ctx context.Context, host string, e circuitEvent, p circuitPolicy) (circuitAnswer, error)
}

// CircuitPhase is a closed list, fit for a metric's label.
type CircuitPhase string

const (
	CircuitClosed   CircuitPhase = "closed"    // requests go
	CircuitOpen     CircuitPhase = "open"      // nothing goes
	CircuitHalfOpen CircuitPhase = "half-open" // one probe goes
)

// CircuitState is what is known of a host, for readiness and metrics. Instants are on the store's clock, zero when closed.
type CircuitState struct {
	Phase    CircuitPhase
	Failures int           // in a row, so far
	Since    time.Time     // when the circuit opened first in this outage
	Until    time.Time     // when the present delay ends, or ended
	Wait     time.Duration // how long before a request may go, if the probe under way does not answer earlier; zero: now
	Probing  bool          // a probe is on its way
}

// NewCircuit returns circuits kept in a store. Faults of the options come all at once.
func NewCircuit(store CircuitStore, o CircuitOptions) (*Circuit, error) {
	p := circuitPolicy{failures: o.Failures, first: o.FirstDelay, most: o.MaxDelay, probe: o.ProbeTTL}
	if p.failures == 0 {
		p.failures = 3
	}
	if p.first == 0 {
		p.first = 5 * time.Second
	}
	if p.most == 0 {
		p.most = max(5*time.Minute, p.first)
	}
	if p.probe == 0 {
		p.probe = time.Minute
	}
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("make a circuit: %w", err)
	}
	return &Circuit{store: store, policy: p}, nil
}

func (p circuitPolicy) validate() error {
	var faults []error
	if p.failures < 1 {
		faults = append(faults, fmt.Errorf("failures %d: must be at least 1", p.failures))
	}
	if p.first < time.Millisecond || p.most < p.first || p.most > longestPer {
		faults = append(faults, fmt.Errorf("delays %s to %s: the first must be at least 1ms, the longest not shorter and at most %s", p.first, p.most, longestPer))
	}
	if p.probe < time.Millisecond || p.probe > longestPer {
		faults = append(faults, fmt.Errorf("probe TTL %s: must be 1ms to %s", p.probe, longestPer))
	}
	return errors.Join(faults...)
}

// Allow returns nil when a request to the host may go, *[NotNow] with [ReasonOutage] when not, any other error when the store failed. After nil the caller MUST report [Circuit.Success],
// [Circuit.Failure] or, when it sent nothing after all, [Circuit.Release]: it may hold the pool's only probe. A caller that dies holds it for ProbeTTL. Ask the circuit
// before the [Limiter]: the other way round an outage would use up the hour's allowance with requests that never go.
func (c *Circuit) Allow(ctx context.Context, host string) error {
	a, err := c.step(ctx, host, eventAllow)
	if err != nil {
		return err
	}
	if !a.allowed {
		return &NotNow{Wait: a.state().Wait, Reason: ReasonOutage, Host: host}
	}
	return nil
}

// Failure reports that the host did not answer as itself: no connection, a timeout, 5xx, HTML where JSON was due. While the circuit is open it changes nothing: requests that were
// under way when it opened do not lengthen the delay.
func (c *Circuit) Failure(ctx context.Context, host string) error {
	_, err := c.step(ctx, host, eventFailure)
	return err
}

// Success reports that the host answered as itself, with whatever status: a 400 or 429 is an answer too. It closes the circuit.
func (c *Circuit) Success(ctx context.Context, host string) error {
	_, err := c.step(ctx, host, eventSuccess)
	return err
}

// Release reports that an allowed request was not sent, so that another may be the probe.
func (c *Circuit) Release(ctx context.Context, host string) error {
	_, err := c.step(ctx, host, eventRelease)
	return err
}

// State looks without touching anything.
func (c *Circuit) State(ctx context.Context, host string) (CircuitState, error) {
	a, err := c.step(ctx, host, eventLook)
	if err != nil {
		return CircuitState{}, err
	}
	return a.state(), nil
}

func (c *Circuit) step(ctx context.Context, host string, e circuitEvent) (circuitAnswer, error) {
	if host == "" {
		return circuitAnswer{}, errors.New("circuit: host must not be empty")
	}
	a, err := c.store.stepCircuit(ctx, host, e, c.policy)
	if err != nil {
		return circuitAnswer{}, fmt.Errorf("%s at the circuit of %s: %w", e, host, err)
	}
	return a, nil
}
