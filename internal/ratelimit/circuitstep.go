package ratelimit

import (
	"strconv"
	"time"
)

// circuitEvent is a report to a circuit or a question to it. lua/circuit.lua uses the same words.
type circuitEvent string

const (
	eventAllow       circuitEvent = "allow"
	eventFailure     circuitEvent = "failure"
	eventUnreachable circuitEvent = "unreachable"
	eventSuccess     circuitEvent = "success"
	eventRelease     circuitEvent = "release"
	eventBegin       circuitEvent = "begin"
	eventWithdraw    circuitEvent = "withdraw"
	eventRead        circuitEvent = "read"
)

// ofHost reports whether the event may concern a host without a pair.
func (e circuitEvent) ofHost() bool { return e == eventRead }

type circuitPolicy struct {
	failures                          int
	firstDelay, maxDelay, probeTTL    time.Duration
	pairs, tenants, groups, processes int
	objects                           int
	window, grace                     time.Duration
	process                           string // which process asks or reports; "" counts as the whole pool
}

// hostRecord is everything that is kept of a host. The zero record is a closed circuit and no
// failures. The maps failing, reporters and unreachable hold the times of failures since the host
// last answered.
type hostRecord struct {
	hostAnswer
	prober       string           // the pair that was last allowed to probe
	lastProcess  string           // the process whose probe failed last; others go first
	failedAt     int64            // when the circuit opened, or a probe or newcomer failed last
	newcomers    int              // how many newcomers failed in the present delay
	failing      map[string]int64 // pairs that failed
	reporters    map[string]int64 // processes that reported those failures
	unreachable  map[string]int64 // processes that cannot connect
	failedProbes map[string]bool  // pairs whose probe failed; others go first
}

// hostAnswer is the part of a hostRecord that callers see.
type hostAnswer struct {
	opened              int
	since, until, probe int64
}

func (h *hostRecord) empty() bool {
	return h.hostAnswer == hostAnswer{} &&
		len(h.failing)+len(h.reporters)+len(h.unreachable)+len(h.failedProbes) == 0
}

// step is the whole behaviour of a pair's circuit and of its host's circuit. lua/circuit.lua
// repeats it for Redis, and the conformance tests compare the two.
func (h *hostRecord) step(r pairRecord, request Pair, e circuitEvent, extra string, p circuitPolicy, now int64) (
	next pairRecord, allowed bool,
) {
	pair, down := request.name(), h.until != 0
	// When the host's delay is over, a report of the pair that was last allowed to probe is the
	// result of the probe. Before that, no report is the result of a probe.
	probed := down && h.until <= now && h.prober == pair
	switch e {
	case eventAllow:
		if !r.allows(request.Object, p, now) || !h.allows(pair, p, now) {
			return r, false
		}
		if r.until != 0 {
			r.probe = now + p.probeTTL.Microseconds()
			switch {
			case r.until > now:
				r.newcomers++
			case r.failedThisRound(request.Object):
				r.roundStart = now // the others had their time
			}
		}
		if down {
			h.probe, h.prober = now+p.probeTTL.Microseconds(), pair
			if h.failedProbes[pair] {
				h.failedProbes = nil // the others had their time: a new round
			}
		}
		return r, true
	case eventFailure:
		r.noteProcess(p.process, now)
		several := r.noteObject(request.Object, p, now)
		if r.until <= now {
			r.failures++
			if r.until != 0 || r.failures >= p.failures && several && r.confirmed(p, now) {
				r.opened, r.since, r.until, r.probe = reopened(r.opened, r.since, !down, p, now)
			}
		} else {
			r.probe = 0 // before the delay ends, only a newcomer can be the probe
		}
		switch {
		case probed:
			h.reopen(pair, p, now)
		case down:
			h.failedEarly(pair, now)
		// A failure that does not open the pair's circuit may still be a sign of the host's outage.
		case r.until > now || r.failures >= p.failures || p.process != "":
			h.failing = addWitness(h.failing, pair, p, now)
			if p.process != "" {
				h.reporters = addWitness(h.reporters, p.process, p, now)
			}
			// If one process reports all the failures, the cause may be that process.
			if enoughPairs(h.failing, p) && (p.process == "" || len(h.reporters) >= p.processes) {
				h.open(p, now)
			}
		}
	case eventUnreachable:
		r.probe = 0
		switch {
		case probed:
			h.reopen(pair, p, now)
		case down:
			h.failedEarly(pair, now)
		default:
			h.unreachable = addWitness(h.unreachable, extra, p, now)
			if len(h.unreachable) >= p.processes {
				h.open(p, now)
			}
		}
	case eventSuccess:
		*h = hostRecord{}
		return pairRecord{}, false
	case eventRelease:
		r.probe = 0
		if h.prober == pair {
			h.probe = 0
		}
	case eventBegin:
		since := now // when the pair or its host went out of service
		for _, s := range []int64{r.since, h.since} {
			if s != 0 {
				since = min(since, s)
			}
		}
		switch {
		case r.until == 0 && !down:
			r.nextBegin = 0
			return r, true
		case r.nextBegin > now:
			return r, false
		}
		pause, _ := strconv.ParseInt(extra, 10, 64)
		r.nextBegin = now + max(pause/beginSteps, min(now-since, pause))
		return r, true
	case eventWithdraw:
		r.nextBegin = 0
	}
	return r, false
}
