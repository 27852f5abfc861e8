package ratelimit

import (
	"maps"
)

// beginSteps is the longest pause of [Circuit.Begin] divided by the shortest.
const beginSteps = 20

func (h *hostRecord) allows(pair string, p circuitPolicy, now int64) bool {
	if h.until == 0 {
		return true
	}
	if h.until > now {
		early := h.newcomerAt(pair, p)
		return early != 0 && early <= now && h.probe <= now
	}
	return h.probe <= now && (!h.yields(pair, p) || h.until+p.grace.Microseconds() <= now)
}

// yields reports whether others probe before this pair or this process.
func (h *hostRecord) yields(pair string, p circuitPolicy) bool {
	return h.failedProbes[pair] || p.process != "" && h.lastProcess == p.process
}

// newcomerAt is when a pair that has not failed in this outage may go before the host's delay is
// over. It is zero if the pair may not go earlier. Two sick tenants can open the circuit of a host
// that is up. If nobody else asks, their probes keep the circuit open with growing delays. A third
// tenant should not have to wait for those delays. Newcomers go one at a time, and at most
// maxNewcomers of them fail in one delay. So in a real outage each pair costs one more request.
func (h *hostRecord) newcomerAt(pair string, p circuitPolicy) int64 {
	if h.until == 0 || pair == "" || h.failing[pair] != 0 || h.newcomers >= maxNewcomers {
		return 0
	}
	return h.failedAt + p.firstDelay.Microseconds()
}

// failedEarly notes a failure that comes while the host is down. It is not called for the failure
// of a probe after the delay. The pair is no newcomer from now on. The delay does not grow.
func (h *hostRecord) failedEarly(pair string, now int64) {
	h.noteFailing(pair, now)
	if h.prober == pair && h.probe != 0 {
		h.probe, h.prober, h.failedAt = 0, "", now
		h.newcomers++
	}
}

func (h *hostRecord) noteFailing(pair string, now int64) {
	if h.failing == nil {
		h.failing = map[string]int64{}
	}
	h.failing[pair] = now
}

// open opens the circuit of a host that was up until now. The pairs that failed stay on record, so
// they do not count as newcomers.
func (h *hostRecord) open(p circuitPolicy, now int64) {
	*h = hostRecord{failing: h.failing, failedAt: now}
	h.opened, h.since, h.until, h.probe = reopened(0, 0, true, p, now)
}

// reopen opens the circuit of a host again after its probe failed.
func (h *hostRecord) reopen(pair string, p circuitPolicy, now int64) {
	h.opened, h.since, h.until, h.probe = reopened(h.opened, h.since, true, p, now)
	h.prober, h.lastProcess = "", p.process
	h.noteFailing(pair, now)
	h.failedAt, h.newcomers = now, 0
	if h.failedProbes == nil {
		h.failedProbes = map[string]bool{}
	}
	h.failedProbes[pair] = true
}

// reopened starts the next delay and returns the new values of opened, since, until and probe. If
// the parameter grows is false, the delay is p.firstDelay. Otherwise it is p.firstDelay, doubled as
// often as opened says but at most p.maxDelay, and opened increases by one.
func reopened(opened int, since int64, grows bool, p circuitPolicy, now int64) (int, int64, int64, int64) {
	delay := p.firstDelay.Microseconds()
	if grows {
		for i := 0; i < opened && delay < p.maxDelay.Microseconds(); i++ {
			delay *= 2
		}
		opened++
	}
	if since == 0 {
		since = now
	}
	return opened, since, now + min(delay, p.maxDelay.Microseconds()), 0
}

// addWitness adds a witness of an outage, which is a pair or a process. It removes the witnesses
// that reported before the window.
func addWitness(witnesses map[string]int64, name string, p circuitPolicy, now int64) map[string]int64 {
	if witnesses == nil {
		witnesses = map[string]int64{}
	}
	witnesses[name] = now
	maps.DeleteFunc(witnesses, func(_ string, at int64) bool { return at < now-p.window.Microseconds() })
	return witnesses
}

// enoughPairs reports whether there are enough failing pairs, with enough tenants and groups among
// them, for the host to count as down by the policy.
func enoughPairs(failing map[string]int64, p circuitPolicy) bool {
	tenants, groups := map[string]bool{}, map[string]bool{}
	for name := range failing {
		pair := pairOf("", name)
		tenants[pair.Tenant], groups[pair.Group] = true, true
	}
	return len(failing) >= p.pairs && len(tenants) >= p.tenants && len(groups) >= p.groups
}
