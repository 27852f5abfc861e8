package ratelimit

import "maps"

// pairRecord is everything that is kept of a pair. The zero record is a closed circuit without
// failures.
type pairRecord struct {
	circuitRecord
	lastProcess   string           // the process that failed last
	failedAt      int64            // when it failed
	otherFailedAt int64            // when a process before lastProcess failed last; zero: none did
	objects       map[string]int64 // objects that failed, and when each last did; at most maxObjects
	roundStart    int64            // objects that failed since then let others probe first
	newcomers     int              // how many newcomers went before a delay ended, in this outage
}

// circuitRecord is the part of a pairRecord that callers see. Instants are microseconds of the
// epoch on the store's clock, zero for none. The zero record is a closed circuit without failures.
type circuitRecord struct {
	failures int
	opened   int   // how often it opened since it was last closed
	since    int64 // when it opened first
	until    int64 // when the delay ends; zero: closed
	probe    int64 // when the slot of the present probe ends; zero: there is none

	nextBegin int64 // when the next operation of the pair may begin; see [Circuit.Begin]
}

// maxObjects is how many objects a pair remembers. Two are enough to open its circuit. More only
// improve the order of probes, and in an outage of a pool with thousands of sessions the record
// must stay small.
const maxObjects = 8

// maxNewcomers is how many newcomers may go before a delay ends. Without them a few sick objects
// would delay a healthy one for as long as the delay has grown. In an outage newcomers cost at most
// this many requests.
const maxNewcomers = maxObjects - 2

// allows reports whether a request about the object may go. It may go if the circuit is closed, or
// as a probe.
func (r pairRecord) allows(object string, p circuitPolicy, now int64) bool {
	switch {
	case r.until == 0:
		return true
	case r.probe > now:
		return false
	case r.until <= now:
		return !r.yields(object, p) || r.until+p.grace.Microseconds() <= now
	}
	early := r.newcomerAt(object, p)
	return early != 0 && early <= now
}

// newcomerAt is when an object that the pair does not remember as failed may go before the delay is
// over. It is zero if the object may not go earlier. Newcomers too go one at a time, and not at
// once after a failure.
func (r pairRecord) newcomerAt(object string, p circuitPolicy) int64 {
	if r.until == 0 || object == "" || r.has(object) || r.newcomers >= maxNewcomers {
		return 0
	}
	return r.failedAt + p.firstDelay.Microseconds()
}

// yields reports whether others probe first. They do if the process failed last, or if the object
// has failed in this round. That process or that object may be the only sick part. Without this
// rule, the one that fails fastest would always probe first.
func (r pairRecord) yields(object string, p circuitPolicy) bool {
	return p.process != "" && r.lastProcess == p.process || r.failedThisRound(object)
}

// failedThisRound reports whether an object has failed while others have not had their turn yet.
func (r pairRecord) failedThisRound(object string) bool {
	at, failed := r.objects[object]
	return failed && at >= r.roundStart
}

func (r pairRecord) has(object string) bool {
	_, failed := r.objects[object]
	return failed
}

// noteProcess notes which process reports a failure.
func (r *pairRecord) noteProcess(process string, now int64) {
	if process != r.lastProcess {
		r.otherFailedAt, r.lastProcess = r.failedAt, process
	}
	r.failedAt = now
}

// confirmed reports whether a second process has confirmed the failures. It also reports true if
// the policy needs no second process.
func (r pairRecord) confirmed(p circuitPolicy, now int64) bool {
	return p.process == "" || p.processes < 2 ||
		r.otherFailedAt != 0 && r.otherFailedAt >= now-p.window.Microseconds()
}

// noteObject notes an object that failed, and reports whether enough objects have failed to open
// the circuit by the policy. A failure counts for as long as an open circuit's longest delay,
// because an object may be requested only once in that time.
func (r *pairRecord) noteObject(object string, p circuitPolicy, now int64) (several bool) {
	if object == "" {
		return true
	}
	if r.until == 0 { // in an open circuit old failures still decide whose turn it is to probe
		maps.DeleteFunc(r.objects, func(_ string, at int64) bool { return at < now-p.maxDelay.Microseconds() })
	}
	if r.has(object) || len(r.objects) < maxObjects {
		if r.objects == nil {
			r.objects = map[string]int64{}
		}
		r.objects[object] = now
	}
	return len(r.objects) >= p.objects
}
