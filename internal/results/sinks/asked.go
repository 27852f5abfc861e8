package sinks

import (
	"errors"
	"time"

	"ksefworker/internal/ledger"
)

// A receiver that asks for time (Retry-After) may mean the one result that it answered, or all
// results. The result itself always waits for that long. Whether other results of the tenant wait
// too depends on what else was tried in the round:
//
//   - Nothing of the tenant was taken: all its results wait, for a day at most.
//   - More results were put off than taken: the receiver limits how many it takes, so all wait, for
//     a minute at most.
//   - Otherwise the tenant's other results go on.

// asked returns for how long the receiver asked not to be called with a result.
func asked(err error) time.Duration {
	if out, ok := errors.AsType[*OutageError](err); ok {
		return min(out.After, maxAfter)
	}
	return 0
}

// concernsOthers reports whether the answer to a result may say something about other results of
// its tenant. The answer to a result that was put off before says nothing about them if results of
// the tenant were taken since.
func concernsOthers(r *round, it *item) bool {
	if it.fresh {
		return true
	}
	st := r.standings[it.edited.Tenant]
	return st != nil && st.Outage != 0 && (it.First == 0 || it.First >= st.Outage)
}

// limit returns for how long all results of the tenant wait although some of them were taken.
func (t *tried) limit() time.Duration {
	if t.putOff <= t.taken {
		return 0
	}
	return min(t.after, maxAfterSome)
}

// asks returns the time before which the receiver asked not to be called with results of the
// tenant. It returns 0 when the receiver asked for no pause.
func (t *tried) asks(now time.Time) ledger.Millis {
	if t.after == 0 {
		return 0
	}
	return ledger.At(now.Add(t.after))
}
