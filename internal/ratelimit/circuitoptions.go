package ratelimit

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// DefaultFailures is how many failures in a row open a pair's circuit.
const DefaultFailures = 3

// CircuitOptions of a [Circuit]; zero fields mean the default.
type CircuitOptions struct {
	Failures   int           // so many failures in a row open a pair's circuit; default [DefaultFailures]
	FirstDelay time.Duration // how long it stays open at first, doubled each time; default 5 s
	MaxDelay   time.Duration // the longest it stays open; default 5 min
	// ProbeTTL is how long one probe may be on its way before another may be sent; default 1 min.
	// It should be longer than the timeout of a request, or a slow outage gets a second probe while
	// the first still hangs.
	ProbeTTL time.Duration

	// The host is taken for down when, within Window and with no answer to anybody in between, the
	// circuits of at least Pairs pairs failed, of at least Tenants tenants and at least Groups
	// groups. One tenant whose requests all fail (Tenants) and one operation that fails for
	// everybody (Groups) are each a sick part of a host that works; two of each are not explained
	// by either. Defaults: 3 pairs, 2 tenants, 2 groups.
	Pairs, Tenants, Groups int
	// Process is who asks and reports; no other may have its name. What one process alone says of a
	// pair does not open the pair's circuit: it takes the word of two within Window, for one of them
	// may stand behind a proxy that is sick. And the process that failed last lets others probe first.
	// Empty, its word is good for the whole pool.
	Process string
	// Objects is how many different objects ([Pair]) must have failed, each within MaxDelay, before
	// the pair's circuit opens; at most 8, default 2. What is sick alone has its own caller's pauses,
	// and holds up nothing else.
	Objects int
	// Processes is how many processes must fail to reach the host within Window; see
	// [Circuit.Unreachable]. One that has no network says nothing about the host. Default 2.
	Processes int
	// Window is how long a failure speaks against the host; default 1 min. A pair is asked again 5,
	// 15 and 35 s after its circuit opened, so pairs that fail together are seen together.
	Window time.Duration
	// Grace is for how long after the end of a delay those alone may probe the host who have not
	// just failed to; default 5 s. Whoever waits was told when the delay ends, and a queue brings
	// them back within two seconds.
	Grace time.Duration
}

// Pair is what can be out of service by itself: one tenant's requests of one group, at a host. A
// Pair with neither tenant nor group stands for the host.
type Pair struct {
	Host   string // not empty, no '|'
	Tenant string // no colon
	Group  string

	// Object is what of the pair a request is about: a session, an invoice that is there already. One
	// that fails alone says nothing of the pair, and one that has failed lets others probe first.
	// Empty for what is about no such thing: what opens a session or sends an invoice. Its failure
	// speaks for the whole pair. It tells no pair from another.
	Object string
}

// whole is the pair without what a request is about.
func (p Pair) whole() Pair { p.Object = ""; return p }

// name is the pair within its host; "" is the host.
func (p Pair) name() string {
	if p.Tenant == "" && p.Group == "" {
		return ""
	}
	return p.Tenant + ":" + p.Group
}

func pairOf(host, name string) Pair {
	tenant, group, _ := strings.Cut(name, ":")
	return Pair{Host: host, Tenant: tenant, Group: group}
}

func (p Pair) String() string {
	if p.name() == "" {
		return "host " + p.Host
	}
	return fmt.Sprintf("tenant %s, group %s at host %s", p.Tenant, p.Group, p.Host)
}

func (p Pair) validate(e circuitEvent) error {
	switch {
	case p.Host == "" || strings.Contains(p.Host, "|"):
		return fmt.Errorf("host %q: must not be empty nor contain '|'", p.Host)
	case p.name() == "" && e.ofHost():
		return nil
	case p.Tenant == "" || strings.Contains(p.Tenant, ":"):
		return fmt.Errorf("tenant %q: must not be empty nor contain a colon", p.Tenant)
	case p.Group == "":
		return fmt.Errorf("group of tenant %s: must not be empty", p.Tenant)
	}
	return nil
}

// NewCircuit returns circuits kept in a store. Faults of the options come all at once.
func NewCircuit(store CircuitStore, o CircuitOptions) (*Circuit, error) {
	p := circuitPolicy{
		failures: o.Failures, first: o.FirstDelay, most: o.MaxDelay, probe: o.ProbeTTL,
		pairs: o.Pairs, tenants: o.Tenants, groups: o.Groups, processes: o.Processes, objects: o.Objects,
		window: o.Window, grace: o.Grace, process: o.Process,
	}
	for field, byDefault := range map[*int]int{
		&p.failures: DefaultFailures, &p.pairs: 3, &p.tenants: 2, &p.groups: 2, &p.processes: 2, &p.objects: 2,
	} {
		if *field == 0 {
			*field = byDefault
		}
	}
	for field, byDefault := range map[*time.Duration]time.Duration{
		&p.first: 5 * time.Second, &p.probe: time.Minute, &p.window: time.Minute, &p.grace: 5 * time.Second,
	} {
		if *field == 0 {
			*field = byDefault
		}
	}
	if p.most == 0 {
		p.most = max(5*time.Minute, p.first)
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
	if min(p.pairs, p.tenants, p.groups, p.processes) < 1 {
		faults = append(faults, fmt.Errorf("%d pairs, %d tenants, %d groups, %d processes: must each be at least 1",
			p.pairs, p.tenants, p.groups, p.processes))
	}
	if p.objects < 1 || p.objects > maxObjects {
		faults = append(faults, fmt.Errorf("%d objects: must be 1 to %d", p.objects, maxObjects))
	}
	if p.first < time.Millisecond || p.most < p.first || p.most > longestPer {
		faults = append(faults, fmt.Errorf("delays %s to %s: the first must be at least 1ms, the longest not shorter and at most %s", p.first, p.most, longestPer))
	}
	for name, d := range map[string]time.Duration{"probe TTL": p.probe, "window": p.window, "grace": p.grace} {
		if d < time.Millisecond || d > longestPer {
			faults = append(faults, fmt.Errorf("%s %s: must be 1ms to %s", name, d, longestPer))
		}
	}
	return errors.Join(faults...)
}
