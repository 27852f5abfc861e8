package sinks

import (
	"time"

	"ksefworker/internal/ledger"
)

// A receiver may answer in time, but slowly, when it gets results of one tenant. If all results of
// a round were of that tenant, the results of other tenants would wait for many slow answers. So a
// slow tenant has a place of its own in the outbox, just like a tenant whose results are all
// refused. A round takes only some results of slow tenants, few enough to be handed over all at the
// same time, together with the results of other tenants. A new result of another tenant waits for
// one slow answer at most.

const (
	// A tenant is slow when an answer for it takes at least slowAnswer. When the longest answer for
	// the tenant in a round takes less than half of this time, the tenant is not slow any more.
	slowAnswer = 2 * time.Second
	// slowAtOnce is how many results of slow tenants one round takes. That leaves a webhook eight
	// calls for the results of other tenants.
	slowAtOnce = webhookParallel - 8
)

// timed notes whether a tenant is slow, by its longest answer of a round.
func (r *round) timed(tenant string, l *ledger.Standing, took time.Duration) {
	switch {
	case took >= slowAnswer:
		if !l.Slow {
			r.Log.Info().Str("receiver", r.Name).Str("tenant", tenant).Stringer("took", took.Round(time.Millisecond)).
				Msg("this receiver answers slowly for this tenant; a round takes only some results of slow tenants, so that other tenants do not wait")
		}
		l.Slow = true
	case took > 0 && took < slowAnswer/2:
		l.Slow = false
	}
}

// slowShare returns how many results each slow tenant among these may add to the round.
func slowShare(r *round, tenants []string) int {
	n := 0
	for _, tenant := range tenants {
		if r.standings[tenant].Slow {
			n++
		}
	}
	return max(r.slow/max(n, 1), min(r.slow, 1), 0)
}

// inTurns puts items into an order in which tenants take turns, so that the first calls are not all
// of one tenant. The items of one tenant stay in their order.
func inTurns(items []*item) []*item {
	var tenants []string
	of := map[string][]*item{}
	for _, it := range items {
		tenant := it.edited.Tenant
		if of[tenant] == nil {
			tenants = append(tenants, tenant)
		}
		of[tenant] = append(of[tenant], it)
	}
	out := make([]*item, 0, len(items))
	for turn := 0; len(out) < len(items); turn++ {
		for _, tenant := range tenants {
			if turn < len(of[tenant]) {
				out = append(out, of[tenant][turn])
			}
		}
	}
	return out
}
