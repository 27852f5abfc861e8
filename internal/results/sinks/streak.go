package sinks

import (
	"time"

	"ksefworker/internal/ledger"
)

// A receiver may refuse each result for itself alone (422). Nothing waits for such a receiver. The
// results that it refused are held and tried again, and the next results are tried at once. But if
// it takes none of them, its program gets nothing, and a person must see that. So the results that
// it refuses are counted from the last one that it took. When there are many, or some over a longer
// time, the receiver is shown as out. The first result that is taken ends that. A result that is
// refused again is not counted again.
//
// Each tenant has such a count too. While a tenant is shown as out, its refused results do not
// count for the receiver. Otherwise a receiver that takes the results of others would seem out each
// time that a few results of this tenant come in a row.

const (
	manyRefused = 10        // so many are enough at once
	someRefused = 3         // fewer than these say nothing: each may be at fault itself
	longRefused = time.Hour // after this time, someRefused are enough
)

// more returns a streak after a round in which nothing was taken, and n more results were refused.
func more(s ledger.Streak, n int64, now time.Time) ledger.Streak {
	if s.Count+n == 0 {
		return s
	}
	if s.Count == 0 {
		s.First = ledger.At(now)
	}
	s.First = notAfter(s.First, now)
	s.Count += n
	s.Out = s.Out || s.Count >= manyRefused || s.Count >= someRefused && now.Sub(s.First.Time()) >= longRefused
	return s
}

// countRefused counts what the receiver has refused in a round, for each tenant and for all. err is
// one of the errors of the round.
func countRefused(r *round, of map[string]*tried, err error) {
	n, s := int64(0), &r.state
	for tenant, t := range of {
		st := r.standing(tenant)
		if !st.Refused.Out {
			n += t.refused
		}
		if t.taken > 0 {
			st.Refused = ledger.Streak{}
		} else {
			st.Refused = more(st.Refused, t.refused, r.now)
		}
	}
	before := s.Refused
	if anyTaken(of) {
		s.Refused = ledger.Streak{}
	} else if s.Refused = more(before, n, r.now); s.Refused.Count > 0 {
		s.Refused.Taken = s.Taken
	}
	switch {
	case s.Refused.Out && !before.Out:
		r.Log.Warn().Str("receiver", r.Name).Int64("results", s.Refused.Count).Err(err).
			Msg("this receiver refuses every result and has taken none since; they are held and tried again for three days")
	case before.Out && !s.Refused.Out && s.Outage == 0: // otherwise stand logs it
		r.Log.Info().Str("receiver", r.Name).Stringer("after", r.now.Sub(before.First.Time()).Round(time.Second)).
			Msg("this receiver takes results again")
	}
}
