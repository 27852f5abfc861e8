package ratelimit

import (
	"maps"
	"strconv"
	"time"
)

// circuitEvent is what a circuit is told or asked; the words are those of lua/circuit.lua.
type circuitEvent string

const (
	eventAllow       circuitEvent = "allow"
	eventFailure     circuitEvent = "failure"
	eventUnreachable circuitEvent = "unreachable"
	eventSuccess     circuitEvent = "success"
	eventRelease     circuitEvent = "release"
	eventBegin       circuitEvent = "begin"
	eventWithdraw    circuitEvent = "withdraw"
	eventLook        circuitEvent = "look"
)

// ofHost reports events that may concern a host without a pair.
func (e circuitEvent) ofHost() bool { return e == eventLook || e == eventBegin || e == eventWithdraw }

type circuitPolicy struct {
	failures                          int
	first, most, probe                time.Duration
	pairs, tenants, groups, processes int
	objects                           int
	window, grace                     time.Duration
	process                           string // who asks or reports; "" speaks for the whole pool
}

// hostRecord is all that is kept of a host. The zero record is a closed circuit with nothing
// against the host.
type hostRecord struct {
	hostAnswer
	prober  string
	last    string           // the process whose probe failed last: others go first
	failing map[string]int64 // pairs whose circuit failed since the host last answered anybody, and when
	words   map[string]int64 // processes that said so, likewise
	cutOff  map[string]int64 // processes that cannot connect, likewise
	tried   map[string]bool  // pairs whose probe has failed, of which others go first
}

// hostAnswer is the part of a hostRecord that is told.
type hostAnswer struct {
	opened              int
	since, until, probe int64
	begun               int64 // until when nothing else may begin; see [Circuit.Begin]
}

func (h *hostRecord) blank() bool {
	return h.hostAnswer == hostAnswer{} && len(h.failing)+len(h.words)+len(h.cutOff)+len(h.tried) == 0
}

// step is the whole behaviour of a pair's circuit and its host's. lua/circuit.lua repeats it for
// Redis; the conformance tests hold the two together.
func (h *hostRecord) step(r pairRecord, about Pair, e circuitEvent, extra string, p circuitPolicy, now int64) (
	next pairRecord, allowed bool,
) {
	pair, down := about.name(), h.until != 0
	// Whoever was the last to get leave to probe a host that is down brings the probe's answer.
	probed := down && h.until <= now && h.prober == pair
	switch e {
	case eventAllow:
		if !r.lets(about.Object, p, now) || !h.lets(pair, p, now) {
			return r, false
		}
		if r.until != 0 {
			r.probe = now + p.probe.Microseconds()
			switch {
			case r.until > now:
				r.early++
			case r.tried(about.Object):
				r.round = now // the others had their time
			}
		}
		if down {
			h.probe, h.prober = now+p.probe.Microseconds(), pair
			if h.tried[pair] {
				h.tried = nil // the others had their time: a new round
			}
		}
		return r, true
	case eventFailure:
		r.heard(p.process, now)
		several := r.note(about.Object, p, now)
		if r.until <= now {
			r.failures++
			if r.until != 0 || r.failures >= p.failures && several && r.agreed(p, now) {
				r.opened, r.since, r.until, r.probe = reopened(r.opened, r.since, !down, p, now)
			}
		} else {
			r.probe = 0 // a newcomer's
		}
		switch {
		case probed:
			h.reopen(pair, p, now)
		// What does not open the pair may be a sign of the host's outage all the same.
		case !down && (r.until > now || r.failures >= p.failures || p.process != ""):
			h.failing = noted(h.failing, pair, p, now)
			if p.process != "" {
				h.words = noted(h.words, p.process, p, now)
			}
			// All of it said by one process is that process's own trouble.
			if enough(h.failing, p) && (p.process == "" || len(h.words) >= p.processes) {
				h.open(p, now)
			}
		}
	case eventUnreachable:
		r.probe = 0
		switch {
		case probed:
			h.reopen(pair, p, now)
		case !down:
			h.cutOff = noted(h.cutOff, extra, p, now)
			if len(h.cutOff) >= p.processes {
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
		if down && h.begun > now {
			return r, false
		}
		if down {
			pause, _ := strconv.ParseInt(extra, 10, 64)
			h.begun = now + max(pause/beginSteps, min(now-h.since, pause))
		}
		return r, true
	case eventWithdraw:
		h.begun = 0
	}
	return r, false
}

// beginSteps is how many times shorter the first pause of [Circuit.Begin] is than the longest.
const beginSteps = 20

func (h *hostRecord) lets(pair string, p circuitPolicy, now int64) bool {
	if h.until == 0 {
		return true
	}
	return h.until <= now && h.probe <= now && (!h.later(pair, p) || h.until+p.grace.Microseconds() <= now)
}

// later reports that others go before this pair or this process.
func (h *hostRecord) later(pair string, p circuitPolicy) bool {
	return h.tried[pair] || p.process != "" && h.last == p.process
}

// open is for a host that was held for well until now: what spoke against it has been heard.
func (h *hostRecord) open(p circuitPolicy, now int64) {
	*h = hostRecord{}
	h.opened, h.since, h.until, h.probe = reopened(0, 0, true, p, now)
}

// reopen is for a host whose probe has failed.
func (h *hostRecord) reopen(pair string, p circuitPolicy, now int64) {
	h.opened, h.since, h.until, h.probe = reopened(h.opened, h.since, true, p, now)
	h.prober, h.last = "", p.process
	if h.tried == nil {
		h.tried = map[string]bool{}
	}
	h.tried[pair] = true
}

// reopened starts the next delay: first, doubled for every time that the circuit opened before, if
// it grows.
func reopened(opened int, since int64, grows bool, p circuitPolicy, now int64) (int, int64, int64, int64) {
	delay := p.first.Microseconds()
	if grows {
		for i := 0; i < opened && delay < p.most.Microseconds(); i++ {
			delay *= 2
		}
		opened++
	}
	if since == 0 {
		since = now
	}
	return opened, since, now + min(delay, p.most.Microseconds()), 0
}

// noted adds a witness and lets go of those whose word is old.
func noted(witnesses map[string]int64, name string, p circuitPolicy, now int64) map[string]int64 {
	if witnesses == nil {
		witnesses = map[string]int64{}
	}
	witnesses[name] = now
	maps.DeleteFunc(witnesses, func(_ string, at int64) bool { return at < now-p.window.Microseconds() })
	return witnesses
}

func enough(failing map[string]int64, p circuitPolicy) bool {
	tenants, groups := map[string]bool{}, map[string]bool{}
	for name := range failing {
		pair := pairOf("", name)
		tenants[pair.Tenant], groups[pair.Group] = true, true
	}
	return len(failing) >= p.pairs && len(tenants) >= p.tenants && len(groups) >= p.groups
}
