package ratelimit

import "time"

// circuitAnswer is what is known after an event, and the instant of the event.
type circuitAnswer struct {
	pair    circuitRecord
	host    hostAnswer
	tried   bool  // the pair or its process has to let others probe the host first
	shy     bool  // the process, or what it asks about, has to let others probe the pair first
	early   int64 // when it may ask although the pair's delay is not over; zero: it may not
	allowed bool
	now     int64
}

func (a circuitAnswer) state(p circuitPolicy) CircuitState {
	s := CircuitState{Phase: CircuitClosed, Failures: a.pair.failures}
	grace := map[bool]int64{true: p.grace.Microseconds()}
	own, wait := phaseOf(&s, a.pair.since, a.pair.until, a.pair.probe, grace[a.shy], a.now)
	if own && a.early != 0 && a.pair.until > a.now {
		wait = max(min(wait, a.early-a.now), a.pair.probe-a.now, 0)
	}
	host, hostWait := phaseOf(&s, a.host.since, a.host.until, a.host.probe, grace[a.tried], a.now)
	s.OfHost = host
	if own || host {
		s.Wait = time.Duration(max(wait, hostWait)) * time.Microsecond
	}
	return s
}

// phaseOf fills in what is to be told of a circuit that is not closed, and tells how long it holds
// a request up.
func phaseOf(s *CircuitState, since, until, probe, grace, now int64) (shut bool, wait int64) {
	if until == 0 {
		return false, 0
	}
	s.Since, s.Until = time.UnixMicro(since), time.UnixMicro(until)
	s.Phase, s.Probing = CircuitOpen, false
	if until <= now {
		s.Phase, s.Probing = CircuitHalfOpen, probe > now
	}
	return true, max(until+grace-now, probe-now, 0)
}
