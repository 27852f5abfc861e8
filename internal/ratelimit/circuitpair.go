package ratelimit

import "maps"

// pairRecord is all that is kept of a pair. The zero record is a closed circuit without failures.
type pairRecord struct {
	circuitRecord
	last    string           // the process that failed last
	at      int64            // when it did
	before  int64            // when another one did last before it; zero: none has
	objects map[string]int64 // what was asked about in vain, and when last; maxObjects at most
	round   int64            // since when others go before those of them that have failed
	early   int              // how many newcomers have gone before their time since it opened
}

// circuitRecord is the part of a pairRecord that is told. Instants are microseconds of the epoch on the
// store's clock, zero for none. The zero record is a closed circuit without failures.
type circuitRecord struct {
	failures int
	opened   int   // how often it opened since it was last closed
	since    int64 // when it opened first
	until    int64 // when the delay ends; zero: closed
	probe    int64 // when the slot of the probe under way ends; zero: none is under way
}

// maxObjects is how many objects a pair remembers. Two are enough to open it. Of more only the order
// of probes is the better, and in an outage of a pool with thousands of sessions the record must stay
// small.
const maxObjects = 8

// maxEarly is how many newcomers may go before a delay ends. A few that are sick would otherwise hold
// up what is well and has not been asked about yet for as long as a delay has grown; and of an outage,
// all of them together cost no more requests than this.
const maxEarly = maxObjects - 2

// lets reports a closed circuit, or one that waits for a probe.
func (r pairRecord) lets(object string, p circuitPolicy, now int64) bool {
	switch {
	case r.until == 0:
		return true
	case r.probe > now:
		return false
	case r.until <= now:
		return !r.shy(object, p) || r.until+p.grace.Microseconds() <= now
	}
	early := r.newcomer(object, p)
	return early != 0 && early <= now
}

// newcomer is when what is asked about may go although the delay is not over, because it has not failed
// since the circuit opened; zero: it may not. Newcomers too go one at a time, and not at once after a
// failure.
func (r pairRecord) newcomer(object string, p circuitPolicy) int64 {
	if r.until == 0 || object == "" || r.has(object) || r.early >= maxEarly {
		return 0
	}
	return r.at + p.first.Microseconds()
}

// shy reports that others go first: the process that asks is the one that failed last, or what it asks
// about has failed already. Either may be the only thing that is sick, and it is back first because it
// fails soonest.
func (r pairRecord) shy(object string, p circuitPolicy) bool {
	return p.process != "" && r.last == p.process || r.tried(object)
}

// tried reports that an object has failed in this round, in which others have not had their turn yet.
func (r pairRecord) tried(object string) bool {
	at, failed := r.objects[object]
	return failed && at >= r.round
}

func (r pairRecord) has(object string) bool {
	_, failed := r.objects[object]
	return failed
}

// heard notes whose word a failure is.
func (r *pairRecord) heard(process string, now int64) {
	if process != r.last {
		r.before, r.last = r.at, process
	}
	r.at = now
}

// agreed reports that what fails is not explained by one process alone.
func (r pairRecord) agreed(p circuitPolicy, now int64) bool {
	return p.process == "" || p.processes < 2 || r.before != 0 && r.before >= now-p.window.Microseconds()
}

// note remembers what was asked about in vain, and reports whether what fails is not explained by one
// object alone. A word counts for as long as an open circuit's longest delay: one that is asked about
// no more often than that is still heard.
func (r *pairRecord) note(object string, p circuitPolicy, now int64) (several bool) {
	if object == "" {
		return true
	}
	if r.until == 0 { // later they tell whose turn it is to probe
		maps.DeleteFunc(r.objects, func(_ string, at int64) bool { return at < now-p.most.Microseconds() })
	}
	if r.has(object) || len(r.objects) < maxObjects {
		if r.objects == nil {
			r.objects = map[string]int64{}
		}
		r.objects[object] = now
	}
	return len(r.objects) >= p.objects
}
