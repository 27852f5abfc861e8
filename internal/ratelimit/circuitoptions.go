package ratelimit

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// DefaultFailures is how many failures in a row open a pair's circuit.
const DefaultFailures = 3

// CircuitOptions are the options of a [Circuit]; zero fields mean the default.
type CircuitOptions struct {
	Failures   int           // how many failures in a row open a pair's circuit; default [DefaultFailures]
	FirstDelay time.Duration // how long it stays open at first, doubled each time; default 5 s
	MaxDelay   time.Duration // the longest it stays open; default 5 min
	// ProbeTTL is how long after one probe another may be sent while the first has no result. The
	// default is 1 min. ProbeTTL should be longer than the timeout of a request. Otherwise a slow
	// outage gets a second probe while the first still hangs.
	ProbeTTL time.Duration

	// The host counts as down when at least Pairs pairs failed within Window, with no answer in
	// between. The pairs must be of at least Tenants tenants and at least Groups groups. When all
	// requests of one tenant fail, or one operation fails for all tenants, only a part of the host
	// is sick. Defaults: 3 pairs, 2 tenants, 2 groups.
	Pairs, Tenants, Groups int
	// TenantsAt, if set, returns Tenants for one host, at least 1. A host that a single tenant uses
	// has no second tenant to confirm its outage.
	TenantsAt func(host string) int
	// Process is the unique name of the process that asks and reports. Unless Processes is 1, a
	// pair's circuit opens only after two processes have reported failures within Window, because
	// one process alone may be behind a faulty proxy. The process that failed last lets others
	// probe first. If Process is empty, failures need no confirmation by a second process.
	Process string
	// Objects is how many different objects ([Pair]) must have failed, each within MaxDelay, before
	// the pair's circuit opens. It is at most 8, and 2 by default. When one object alone fails, its
	// caller makes pauses, and nothing else is delayed.
	Objects int
	// Processes is how many processes must fail to reach the host within Window before the host
	// counts as down (see [Circuit.Unreachable]). One process may just have no network. If Process
	// is set, this many processes must also report the failures of the pairs before the host counts
	// as down. Default 2.
	Processes int
	// Window is how long a failure counts against the host; default 1 min. A pair is probed 5, 15
	// and 35 s after its circuit opened, so the failures of pairs that fail together fall into one
	// window.
	Window time.Duration
	// Grace is how long after the end of a delay callers that have just failed leave the probe to
	// others. The default is 5 s. Waiting callers were told when the delay ends, and a queue brings
	// them back within two seconds. So five seconds leave one of the others time to be the probe.
	Grace time.Duration
}

// Pair is one tenant's requests of one group at a host. This part of a host can be out of service
// by itself. A Pair with neither tenant nor group stands for the host.
type Pair struct {
	Host   string // not empty, no '|'
	Tenant string // no colon
	Group  string

	// Object is what a request of the pair is about. It is a session, or an invoice that KSeF
	// already has. An object that fails alone says nothing about the pair, and an object that has
	// failed lets others probe first. Object is empty for requests about no object, which open a
	// session or send an invoice. Their failures count against the whole pair. Object is not part
	// of the pair's identity.
	Object string
}

// whole is the pair without the object.
func (p Pair) whole() Pair { p.Object = ""; return p }

// name is the name of the pair within its host; "" is the host.
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
		return fmt.Errorf("host %q: must not be empty or contain '|'", p.Host)
	case p.name() == "" && e.ofHost():
		return nil
	case p.Tenant == "" || strings.Contains(p.Tenant, ":"):
		return fmt.Errorf("tenant %q: must not be empty or contain a colon", p.Tenant)
	case p.Group == "":
		return fmt.Errorf("group of tenant %s: must not be empty", p.Tenant)
	}
	return nil
}

// NewCircuit returns circuits kept in a store, or an error with every fault of the options.
func NewCircuit(store CircuitStore, o CircuitOptions) (*Circuit, error) {
	p := circuitPolicy{
		failures: o.Failures, firstDelay: o.FirstDelay, maxDelay: o.MaxDelay, probeTTL: o.ProbeTTL,
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
		&p.firstDelay: 5 * time.Second, &p.probeTTL: time.Minute, &p.window: time.Minute, &p.grace: 5 * time.Second,
	} {
		if *field == 0 {
			*field = byDefault
		}
	}
	if p.maxDelay == 0 {
		p.maxDelay = max(5*time.Minute, p.firstDelay)
	}
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("make a circuit: %w", err)
	}
	return &Circuit{store: store, policy: p, tenantsAt: o.TenantsAt}, nil
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
	if p.firstDelay < time.Millisecond || p.maxDelay < p.firstDelay || p.maxDelay > maxPer {
		faults = append(faults, fmt.Errorf("delays %s to %s: the first must be at least 1ms, the longest not shorter and at most %s",
			p.firstDelay, p.maxDelay, maxPer))
	}
	for name, d := range map[string]time.Duration{"probe TTL": p.probeTTL, "window": p.window, "grace": p.grace} {
		if d < time.Millisecond || d > maxPer {
			faults = append(faults, fmt.Errorf("%s %s: must be 1ms to %s", name, d, maxPer))
		}
	}
	return errors.Join(faults...)
}
