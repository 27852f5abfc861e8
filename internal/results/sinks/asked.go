package sinks

import (
	"errors"
	"time"
)

// A receiver that asks for time (Retry-After) may mean the one result that it answered, or all
// results. The result itself always waits for that long. Whether other results of the tenant wait
// too depends on what else was tried in the round:
//
//   - Nothing of the tenant was taken: all its results wait, for a day at most.
//   - More results were put off than taken: the receiver limits how many it takes, so all wait, for
//     a minute at most.
//   - Otherwise the others go on.

// asked returns for how long the receiver asked not to be called with a result.
func asked(err error) time.Duration {
	if out, ok := errors.AsType[*OutageError](err); ok {
		return min(out.After, maxAfter)
	}
	return 0
}

// concernsOthers reports whether the answer to a result may say something about other results of
// its tenant. The answer to a result that was put off before does not, if results of the tenant
// were taken since.
func concernsOthers(r *round, it *item) bool {
	outage := r.state.Outage
	if st := r.standings[it.edited.Tenant]; st != nil && it.edited.Tenant != "" {
		outage = st.Outage
	}
	return it.fresh || outage != 0 && it.First >= outage
}

// limit returns for how long all results of the tenant wait although some of them were taken.
func (t *tried) limit() time.Duration {
	if t.putOff <= t.taken {
		return 0
	}
	return min(t.after, maxAfterSome)
}

// longestAsked returns the longest time that the receiver asked for.
func longestAsked(of map[string]*tried) (after time.Duration) {
	for _, t := range of {
		after = max(after, t.after)
	}
	return after
}
