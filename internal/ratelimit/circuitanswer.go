package ratelimit

import "time"

// circuitAnswer is the state after an event, and the instant of the event.
type circuitAnswer struct {
	pair        circuitRecord
	host        hostAnswer
	hostYields  bool  // the pair or the process has to let others probe the host first
	pairYields  bool  // the process or the object has to let others probe the pair first
	earlyAt     int64 // when the object may go before the pair's delay is over; zero: not before
	hostEarlyAt int64 // when the pair may go before the host's delay is over; zero: not before
	allowed     bool
	now         int64
}

func (a circuitAnswer) state(p circuitPolicy) CircuitState {
	s := CircuitState{Phase: CircuitClosed, Failures: a.pair.failures}
	grace := map[bool]int64{true: p.grace.Microseconds()}
	own, wait := phaseOf(&s, a.pair.since, a.pair.until, a.pair.probe, grace[a.pairYields], a.now)
	if own && a.earlyAt != 0 && a.pair.until > a.now {
		wait = max(min(wait, a.earlyAt-a.now), a.pair.probe-a.now, 0)
	}
	host, hostWait := phaseOf(&s, a.host.since, a.host.until, a.host.probe, grace[a.hostYields], a.now)
	if host && a.hostEarlyAt != 0 && a.host.until > a.now {
		hostWait = max(min(hostWait, a.hostEarlyAt-a.now), a.host.probe-a.now, 0)
	}
	s.OfHost = host
	if own || host {
		s.Wait = time.Duration(max(wait, hostWait)) * time.Microsecond
	}
	return s
}

// phaseOf reports whether a circuit is not closed. If so, phaseOf fills in the circuit's state, and
// returns how long a request must wait.
func phaseOf(s *CircuitState, since, until, probe, grace, now int64) (open bool, wait int64) {
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
