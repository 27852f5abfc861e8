package ratelimit

import (
	"context"
	"fmt"
	"time"
)

// Circuit keeps a pool from asking for what is out of service. Safe for concurrent use.
//
// Each [Pair] has a circuit of its own. Closed, it lets everything through. After Failures failures
// in a row it opens: nothing of the pair goes for FirstDelay. Then it is half-open: ONE request of
// the whole pool goes as a probe. Its failure opens the circuit again for twice as long, up to
// MaxDelay; its success closes it, and everyone may go at once. An outage of days costs one probe
// per MaxDelay, whatever the size of the pool. The delays have no random part: only one request
// goes when they end, so there is no crowd to scatter.
//
// The host has a circuit too, which stands before those of its pairs and behaves alike, but opens
// only by what no single part can explain (see [CircuitOptions]). A success of any pair closes it,
// and leaves the circuits of other pairs as they are: the host answers, and what is sick by itself
// stays so. Probes rotate: the pair whose probe failed lets others go first, or the one that is
// sick could be the one that always asks. What fails while the host is down says little about the
// pair, so the pair's own delay does not grow by it.
//
// What is asked about one object alone ([Pair]) may be that object's own trouble: it takes two to open
// a pair's circuit, and the object that has failed lets others probe first. A newcomer, which has not
// failed since the circuit opened, need not wait for a delay to end, FirstDelay after the last failure;
// six of them at most go so, for in an outage they all fail. Whoever asks about the one thing that
// fails alone has to pause by itself.
//
// What one process alone gets may be its own trouble, so a pool's circuit takes the word of two, and
// each process should have circuits of its own, over [Memory], and report here what those say.
type Circuit struct {
	store  CircuitStore
	policy circuitPolicy
}

// CircuitStore keeps the state of circuits; implemented by [Memory] and [Redis] and by nothing outside.
type CircuitStore interface {
	stepCircuit(ctx context.Context, p Pair, e circuitEvent, extra string, policy circuitPolicy) (circuitAnswer, error)
	openCircuits(ctx context.Context, host string) ([]Pair, error)
}

// CircuitPhase is a closed list, fit for a metric's label.
type CircuitPhase string

const (
	CircuitClosed   CircuitPhase = "closed"    // requests go
	CircuitOpen     CircuitPhase = "open"      // nothing goes
	CircuitHalfOpen CircuitPhase = "half-open" // one probe goes
)

// CircuitState is what is known of a pair or a host, for readiness and metrics. Instants are on the
// store's clock, zero when closed.
type CircuitState struct {
	Phase    CircuitPhase
	OfHost   bool          // it is the host's circuit that is not closed; the rest tells of that one
	Failures int           // of the pair in a row, so far
	Since    time.Time     // when the circuit opened first in this outage
	Until    time.Time     // when the present delay ends, or ended
	Wait     time.Duration // how long before a request may go, if the probe under way does not answer earlier; zero: now
	Probing  bool          // a probe is on its way
}

// OpenCircuit is one that is not closed.
type OpenCircuit struct {
	Pair
	CircuitState
}

// Allow returns nil when a request of the pair may go, *[NotNow] with [ReasonOutage] when not, any
// other error when the store failed. After nil the caller MUST report [Circuit.Success],
// [Circuit.Failure], [Circuit.Unreachable] or, when it sent nothing after all, [Circuit.Release]:
// it may hold the only probe. A caller that dies holds it for ProbeTTL. Ask the circuit before the
// [Limiter]: the other way round an outage would use up the hour's allowance with requests that
// never go.
func (c *Circuit) Allow(ctx context.Context, p Pair) error {
	a, err := c.step(ctx, p, eventAllow, "")
	if err != nil || a.allowed {
		return err
	}
	return c.notNow(p, a.state(c.policy))
}

func (c *Circuit) notNow(p Pair, s CircuitState) *NotNow {
	n := &NotNow{Wait: s.Wait, Reason: ReasonOutage, Host: p.Host}
	if !s.OfHost {
		n.Key = Key{Tenant: p.Tenant, Group: p.Group}
	}
	return n
}

// Failure reports, in the name of this process ([CircuitOptions.Process]), that a request of the pair
// reached the host and was not answered as the host
// answers: a timeout, a broken connection, 5xx, HTML where JSON was due. While the pair's circuit
// is open it does not lengthen the delay: such requests were under way when it opened.
func (c *Circuit) Failure(ctx context.Context, p Pair) error {
	_, err := c.step(ctx, p, eventFailure, "")
	return err
}

// Unreachable reports that this process cannot connect to the host. It says nothing about the pair.
// It says that the host is down when the host was to be probed, or when other processes report the
// same; a process that alone has no network must not stop the pool, so it should have a circuit of
// its own (over [Memory]) and report here when that one is open. The process is named by anything
// that no other process has.
func (c *Circuit) Unreachable(ctx context.Context, p Pair, process string) error {
	_, err := c.step(ctx, p, eventUnreachable, process)
	return err
}

// Success reports that the host answered as itself, with whatever status: a 400 or 429 is an answer
// too. It closes the circuits of the pair and of the host.
func (c *Circuit) Success(ctx context.Context, p Pair) error {
	_, err := c.step(ctx, p, eventSuccess, "")
	return err
}

// Release reports that an allowed request was not sent, so that another may be the probe.
func (c *Circuit) Release(ctx context.Context, p Pair) error {
	_, err := c.step(ctx, p, eventRelease, "")
	return err
}

// Begin asks for something that leads to requests at the host and costs more than they do. While
// the host's circuit is closed it may begin. Otherwise one may, and the next when as much time
// again has passed as the host has been down, a twentieth of pause at least and pause at most, or
// when the circuit is closed; the others get *[NotNow]. [Circuit.Withdraw] gives the place back.
func (c *Circuit) Begin(ctx context.Context, host string, pause time.Duration) error {
	a, err := c.step(ctx, Pair{Host: host}, eventBegin, fmt.Sprint(wholeMicros(pause).Microseconds()))
	if err != nil || a.allowed {
		return err
	}
	return &NotNow{Wait: time.Duration(a.host.begun-a.now) * time.Microsecond, Reason: ReasonOutage, Host: host}
}

// MayBegin tells what [Circuit.Begin] would say, and takes nothing.
func (c *Circuit) MayBegin(ctx context.Context, host string) error {
	a, err := c.step(ctx, Pair{Host: host}, eventLook, "")
	if err != nil || a.host.until == 0 || a.host.begun <= a.now && a.host.until <= a.now {
		return err
	}
	return &NotNow{Wait: time.Duration(max(a.host.begun, a.host.until)-a.now) * time.Microsecond, Reason: ReasonOutage, Host: host}
}

// Withdraw says that what was begun came to nothing before it reached the host.
func (c *Circuit) Withdraw(ctx context.Context, host string) error {
	_, err := c.step(ctx, Pair{Host: host}, eventWithdraw, "")
	return err
}

// State looks without touching anything. For a host (a [Pair] of neither tenant nor group) it tells
// of the host alone, for a pair of whatever holds the pair up.
func (c *Circuit) State(ctx context.Context, p Pair) (CircuitState, error) {
	a, err := c.step(ctx, p, eventLook, "")
	if err != nil {
		return CircuitState{}, err
	}
	return a.state(c.policy), nil
}

// Open lists the circuits of a host that are not closed, the host's own first. It touches nothing.
func (c *Circuit) Open(ctx context.Context, host string) ([]OpenCircuit, error) {
	pairs, err := c.store.openCircuits(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("list the open circuits of %s: %w", host, err)
	}
	var open []OpenCircuit
	for _, p := range pairs {
		a, err := c.step(ctx, p, eventLook, "")
		if err != nil {
			return nil, err
		}
		if p.name() != "" {
			a.host = hostAnswer{} // the pair's own
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
	a, err := c.store.stepCircuit(ctx, p, e, extra, c.policy)
	if err != nil {
		return circuitAnswer{}, fmt.Errorf("%s at the circuit of %s: %w", e, p, err)
	}
	return a, nil
}
