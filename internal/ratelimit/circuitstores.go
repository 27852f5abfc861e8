package ratelimit

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

func (m *Memory) stepCircuit(_ context.Context, p Pair, e circuitEvent, extra string, policy circuitPolicy) (circuitAnswer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock().UnixMicro()
	host := m.hosts[p.Host]
	if host == nil {
		host = &hostRecord{}
	}
	next, allowed := host.step(m.circuits[p.whole()], p, e, extra, policy, now)
	if next.circuitRecord == (circuitRecord{}) {
		delete(m.circuits, p.whole())
	} else {
		m.circuits[p.whole()] = next
	}
	if host.empty() {
		delete(m.hosts, p.Host)
	} else {
		m.hosts[p.Host] = host
	}
	return circuitAnswer{
		pair: next.circuitRecord, host: host.hostAnswer, allowed: allowed, now: now,
		hostYields:  host.yields(p.name(), policy),
		pairYields:  next.yields(p.Object, policy),
		earlyAt:     next.newcomerAt(p.Object, policy),
		hostEarlyAt: host.newcomerAt(p.name(), policy),
	}, nil
}

func (m *Memory) openCircuits(_ context.Context, host string) ([]Pair, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []Pair
	if h := m.hosts[host]; h != nil && h.until != 0 {
		open = append(open, Pair{Host: host})
	}
	for p, r := range m.circuits {
		if p.Host == host && r.until != 0 {
			open = append(open, p)
		}
	}
	return sorted(open), nil
}

// hostMember stands for the host itself in the index of open circuits.
const hostMember = "*"

func (s *Redis) stepCircuit(ctx context.Context, p Pair, e circuitEvent, extra string, policy circuitPolicy) (circuitAnswer, error) {
	host := s.prefix + "circuit:" + p.Host
	// A host contains no '|', so a pair and a host never share a key.
	keys := []string{host + "|" + p.name(), host, host + "|" + hostMember}
	got, err := s.run(ctx, s.circuit, keys, 16, s.now(), string(e), p.name(), extra,
		policy.failures, policy.firstDelay.Microseconds(), policy.maxDelay.Microseconds(), policy.probeTTL.Microseconds(),
		policy.pairs, policy.tenants, policy.groups, policy.processes, policy.window.Microseconds(), policy.grace.Microseconds(),
		policy.process, policy.objects, p.Object, maxObjects, maxNewcomers)
	if err != nil {
		return circuitAnswer{}, err
	}
	return circuitAnswer{
		allowed: got[0] == 1, now: got[1], hostYields: got[12] == 1, pairYields: got[13] == 1, earlyAt: got[14],
		hostEarlyAt: got[15],
		pair: circuitRecord{
			failures: int(got[2]), opened: int(got[3]), since: got[4], until: got[5], probe: got[6],
			nextBegin: got[11],
		},
		host: hostAnswer{opened: int(got[7]), since: got[8], until: got[9], probe: got[10]},
	}, nil
}

func (s *Redis) openCircuits(ctx context.Context, host string) ([]Pair, error) {
	index := s.prefix + "circuit:" + host + "|" + hostMember
	names, err := s.client.ZRange(ctx, index, 0, -1).Result()
	if wrongType(err) {
		return nil, s.deleteWrongTypes(ctx, index)
	}
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	var open []Pair
	for _, name := range names {
		if name == hostMember {
			name = ""
		}
		open = append(open, pairOf(host, name))
	}
	return sorted(open), nil
}

func sorted(pairs []Pair) []Pair {
	slices.SortFunc(pairs, func(a, b Pair) int { return strings.Compare(a.name(), b.name()) })
	return pairs
}
