package ratelimit

import (
	"context"
	"time"
)

// circuitEvent is what a circuit is told or asked; the words are those of lua/circuit.lua.
type circuitEvent string

const (
	eventAllow   circuitEvent = "allow"
	eventFailure circuitEvent = "failure"
	eventSuccess circuitEvent = "success"
	eventRelease circuitEvent = "release"
	eventLook    circuitEvent = "look"
)

type circuitPolicy struct {
	failures           int
	first, most, probe time.Duration
}

// circuitRecord is all that is kept of a host. Instants are microseconds of the epoch on the store's clock, zero for none. The zero record is a
// closed circuit without failures.
type circuitRecord struct {
	failures int
	opened   int   // how often it opened since it was last closed
	since    int64 // when it opened first
	until    int64 // when the delay ends; zero: closed
	probe    int64 // when the slot of the probe under way ends; zero: none is under way
}

// circuitAnswer is a record after an event, and the instant of the event.
type circuitAnswer struct {
	circuitRecord
	allowed bool
	now     int64
}

// step is the whole behaviour of a circuit. lua/circuit.lua repeats it for Redis; the conformance tests hold the two together.
func (r circuitRecord) step(e circuitEvent, p circuitPolicy, now int64) (next circuitRecord, allowed bool) {
	closed, open := r.until == 0, r.until > now
	switch e {
	case eventAllow:
		switch {
		case closed:
			return r, true
		case !open && r.probe <= now:
			r.probe = now + p.probe.Microseconds()
			return r, true
		}
	case eventFailure:
		if open {
			return r, false
		}
		r.failures++
		if !closed || r.failures >= p.failures {
			r = r.reopened(p, now)
		}
	case eventSuccess:
		return circuitRecord{}, false
	case eventRelease:
		r.probe = 0
	}
	return r, false
}

// reopened starts the next delay: first, doubled for every time that it opened before.
func (r circuitRecord) reopened(p circuitPolicy, now int64) circuitRecord {
	delay := p.first.Microseconds()
	for i := 0; i < r.opened && delay < p.most.Microseconds(); i++ {
		delay *= 2
	}
	if r.since == 0 {
		r.since = now
	}
	r.opened++
	r.until = now + min(delay, p.most.Microseconds())
	r.probe = 0
	return r
}

func (a circuitAnswer) state() CircuitState {
	s := CircuitState{Phase: CircuitClosed, Failures: a.failures}
	if a.until == 0 {
		return s
	}
	s.Since, s.Until = time.UnixMicro(a.since), time.UnixMicro(a.until)
	s.Phase, s.Wait = CircuitOpen, time.Duration(a.until-a.now)*time.Microsecond
	if a.until <= a.now {
		s.Phase, s.Wait = CircuitHalfOpen, 0
		if s.Probing = a.probe > a.now; s.Probing {
			s.Wait = time.Duration(a.probe-a.now) * time.Microsecond
		}
	}
	return s
}

func (m *Memory) stepCircuit(_ context.Context, host string, e circuitEvent, p circuitPolicy) (circuitAnswer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock().UnixMicro()
	next, allowed := m.circuits[host].step(e, p, now)
	if next == (circuitRecord{}) {
		delete(m.circuits, host)
	} else {
		m.circuits[host] = next
	}
	return circuitAnswer{circuitRecord: next, allowed: allowed, now: now}, nil
}

func (s *Redis) stepCircuit(ctx context.Context, host string, e circuitEvent, p circuitPolicy) (circuitAnswer, error) {
	got, err := s.run(ctx, s.circuit, s.prefix+"circuit:"+host, 7, s.now(), string(e),
		p.failures, p.first.Microseconds(), p.most.Microseconds(), p.probe.Microseconds())
	if err != nil {
		return circuitAnswer{}, err
	}
	r := circuitRecord{failures: int(got[2]), opened: int(got[3]), since: got[4], until: got[5], probe: got[6]}
	return circuitAnswer{circuitRecord: r, allowed: got[0] == 1, now: got[1]}, nil
}
