package sinks

import (
	"time"

	"ksefworker/internal/ledger"
)

// A receiver is out when it takes none of the results that are tried. The results that are tried
// meanwhile depend on how it is out:
//
//   - It could not be reached. That concerns all tenants, so nothing is tried before the receiver's
//     pause is over.
//   - It answered. The answers concern the tenants whose results were tried. Each of these has an
//     outage of its own. After each pause one of their results is tried, but never before the time
//     that the receiver asked for. A result of any other tenant is tried at once.
//
// So a receiver that takes no results at all gets one result of each tenant at once, and one more
// after each pause. When it takes a result, it is not out any more. If it still refuses the results
// of a tenant, it does not count as out again, because that refusal is known already.

// rests reports whether the receiver is not to be called now with results of any tenant.
func rests(s *ledger.SinkState, now time.Time) bool {
	return s.Outage != 0 && s.Away && Pauses(s.Next, now)
}

// waits reports whether no results of a tenant may be tried now.
func (r *round) waits(st *ledger.Standing) bool { return Pauses(r.state.NextOf(st), r.now) }

// stand decides how the receiver stands after a round in which results were tried. began says that
// outages of tenants began in this round. of is what came of each tenant's results.
func stand(r *round, v verdict, began bool, of map[string]*tried) {
	s, now := &r.state, r.now
	switch {
	case v.away, v.out && (began || s.Outage != 0):
		if s.Outage == 0 {
			s.Outage = ledger.At(now)
			r.Log.Warn().Str("receiver", r.Name).Err(v.err).
				Msg("this receiver takes no results; its results wait, and other receivers are not affected")
		}
		s.Away = v.away
		s.Probes++
		s.Next = ledger.At(now.Add(r.pause(s.Probes)))
	case v.out:
		// Each result that was tried belongs to a tenant whose results the receiver is known to
		// refuse, or was refused before while the receiver took other results. So nothing new is
		// known of the receiver.
	default:
		if s.Outage != 0 && anyTaken(of) {
			r.Log.Info().Str("receiver", r.Name).Stringer("after", now.Sub(s.Outage.Time()).Round(time.Second)).
				Msg("this receiver takes results again")
			s.Outage, s.Probes = 0, 0
			probe(r, of)
		}
		s.Away, s.Next = false, 0
	}
}

// probe ends the pauses of the tenants that were not tried in this round, because a receiver that
// was out takes results again. A pause that the receiver has asked for stays.
func probe(r *round, of map[string]*tried) {
	for tenant, st := range r.standings {
		if st.Outage != 0 && of[tenant] == nil {
			r.standing(tenant).Next = st.Asked
		}
	}
}

// anyTaken reports whether a result of any tenant was taken.
func anyTaken(of map[string]*tried) bool {
	for _, t := range of {
		if t.taken > 0 {
			return true
		}
	}
	return false
}
