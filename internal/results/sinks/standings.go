package sinks

import (
	"cmp"
	"slices"
	"time"

	"ksefworker/internal/ledger"
)

// Bounds of what is held. A receiver that refuses every result of one tenant fills that tenant's
// share and no other's.
const (
	// maxHeld bounds the number of invoices with held outcomes while only one tenant has such
	// invoices. When n tenants have them, the share of each is maxHeld/n. A round may exceed a
	// share by one batch. When a tenant is added, shares shrink, but what is already held stays. In
	// the worst case all tenants together hold about maxHeld × (1 + 1/2 + … + 1/n). With 500
	// tenants this is seven times maxHeld.
	maxHeld = 5000
	// minHeld is the smallest share.
	minHeld = 10
)

// share returns the number of invoices of one tenant for which outcomes may be held now.
func (r *round) share() int64 {
	n := int64(0)
	for _, st := range r.standings {
		if st.Held > 0 {
			n++
		}
	}
	return max(r.maxHeld()/max(n, 1), minHeld)
}

// standing returns the standing of a tenant, which will be recorded.
func (r *round) standing(tenant string) *ledger.Standing {
	if r.standings[tenant] == nil {
		r.standings[tenant] = &ledger.Standing{}
	}
	r.touched[tenant] = true
	return r.standings[tenant]
}

// ready lists the tenants that have outcomes after their own place and whose outcomes may be told
// now, which excludes strangers. The tenants that have waited longest for their turn come first.
func (r *round) ready() []string {
	var out []string
	share := r.share()
	for tenant, st := range r.standings {
		if st.Blocked() && st.Held < share && !r.waits(st) && !r.stranger(tenant) && ledger.AfterOutcome(r.state.Cursor, st.Cursor) {
			out = append(out, tenant)
		}
	}
	// Equal tenants keep the order of the map, which is random.
	slices.SortStableFunc(out, func(a, b string) int {
		return cmp.Or(cmp.Compare(r.served[a], r.served[b]), cmp.Compare(r.standings[a].Next, r.standings[b].Next))
	})
	return out
}

// tried is what came of one tenant's results in a round.
type tried struct {
	errs  []error
	taken int
	// tells says that the receiver refused a result in a way that may concern others, and that the
	// result was tried for the first time. A result that the receiver refuses again tells nothing
	// new, because the receiver may have taken other results in between.
	tells bool
	took  time.Duration
	// refused counts the results that were tried for the first time and that the receiver refused
	// each for itself alone.
	refused int64
	// putOff counts the results that the receiver answered with Retry-After, and after is the
	// longest time. Only answers that may concern other results count (see concernsOthers).
	putOff int
	after  time.Duration
}

// try adds what came of one result.
func try(r *round, of map[string]*tried, it *item) {
	t := of[it.edited.Tenant]
	if t == nil {
		t = &tried{}
		of[it.edited.Tenant] = t
	}
	t.took = max(t.took, it.took)
	t.errs = append(t.errs, it.err)
	t.tells = t.tells || it.fresh && answersOutage(it.err)
	switch {
	case it.err == nil:
		t.taken++
	case it.Attempts == 0 && refusedAlone(it.err):
		t.refused++
	}
	if after := asked(it.err); after > 0 && concernsOthers(r, it) {
		t.putOff++
		t.after = max(t.after, after)
	}
}

// decide decides the standing of each tenant whose results were tried. It reports whether the
// outage of any tenant began.
func (r *round) decide(of map[string]*tried) (began bool) {
	for tenant, t := range of {
		v, st := verdictOf(t.errs), r.standing(tenant)
		if tenant != "" {
			r.timed(tenant, st, t.took)
		}
		switch {
		case v.away, v.out && st.Outage == 0 && !t.tells:
			// Either the receiver was not reached, or it refused again what it had refused before.
			// Neither says anything about other results of this tenant.
		case v.out:
			if st.Outage == 0 {
				st.Outage, began = ledger.At(r.now), true
				warnOut(r, tenant, v.err)
			}
			st.Probes++
			st.Asked = t.asks(r.now)
			st.Next = max(ledger.At(r.now.Add(r.pause(st.Probes))), st.Asked)
		default:
			st.Outage, st.Probes, st.Next, st.Asked = 0, 0, 0, 0
			if limit := t.limit(); limit > 0 {
				st.Next = ledger.At(r.now.Add(limit))
			}
		}
	}
	return began
}

// warnOut logs that the receiver takes no results of a tenant from now on.
func warnOut(r *round, tenant string, err error) {
	whose := "of this tenant"
	if tenant == "" {
		whose = "that belong to no tenant"
	}
	r.Log.Warn().Str("receiver", r.Name).Str("tenant", tenant).Err(err).
		Msg("this receiver takes no results " + whose + "; they wait, and those of others do not wait for them")
}

// arrange gives a tenant a place of its own in the outbox when no more results of that tenant may
// be tried or held now, or when the receiver answers slowly for that tenant. It takes the place
// away when the reasons have ended and the tenant has caught up.
func (r *round) arrange() {
	share, now := r.share(), r.now
	for tenant, st := range r.standings {
		full := st.Held >= share && tenant != ""
		if full != st.Full {
			r.standing(tenant).Full = full
		}
		waits := st.Outage != 0 || Pauses(st.Next, now) || st.Slow
		caughtUp := st.Blocked() && !ledger.AfterOutcome(r.state.Cursor, st.Cursor)
		if caughtUp && st.Left > 0 { // the outcomes that Left still counts are not in the outbox any more
			r.missed(tenant, st.Left)
			r.standing(tenant).Left, st.Late = 0, false
		}
		switch {
		case tenant != "" && !st.Blocked() && (full || waits) && r.state.Cursor != "":
			r.standing(tenant).Cursor = r.state.Cursor
			if full {
				r.Log.Warn().Str("receiver", r.Name).Str("tenant", tenant).Int64("held", st.Held).
					Msg("this receiver has not taken many results of this tenant; its later results wait in the outbox, " +
						"and those of other tenants go on")
			}
		case caughtUp && !full && !waits:
			*r.standing(tenant) = ledger.Standing{Held: st.Held, Err: st.Err, Sick: st.Sick, Refused: st.Refused}
		}
		if st.Held == 0 && !st.Blocked() && st.Refused != (ledger.Streak{}) {
			r.standing(tenant).Refused = ledger.Streak{} // what was refused is given up, and on record
		}
	}
	for tenant := range r.touched {
		if *r.standings[tenant] == (ledger.Standing{}) {
			delete(r.standings, tenant) // so ChangeSink removes its record
		}
	}
}

// missed counts outcomes of a tenant that left the outbox before the receiver could be told.
func (r *round) missed(tenant string, n int64) {
	st := r.standing(tenant)
	if n <= 0 || !st.Late {
		return
	}
	st.Left -= n
	r.state.Lost += n
	r.Log.Error().Str("receiver", r.Name).Str("tenant", tenant).Int64("outcomes", n).
		Msg("outcomes of this tenant left the outbox before this receiver could be told of them; see docs/results.md on how to catch up")
}

// distrustAhead counts a standing as damaged if its place is ahead of the receiver's own place. The
// ledger writes no such standing. If it were trusted, the outcomes of the tenant between the two
// places would be left out. A standing may also be ahead because a person has deleted the
// receiver's place, and then all that the outbox has is to be told again.
func distrustAhead(r *round) {
	for tenant, st := range r.standings {
		if ledger.AfterOutcome(st.Cursor, r.state.Cursor) {
			r.standings[tenant] = ledger.DamagedStanding(tenant)
		}
	}
}

// beginDamaged logs which standings are damaged, and lets new ones be recorded in their place.
func beginDamaged(r *round) {
	for tenant, st := range r.standings {
		if st.Damaged {
			r.standing(tenant).Damaged = false
			r.Log.Error().Str("receiver", r.Name).Str("tenant", tenant).Str("key", "sinkstanding:"+r.Name).
				Msg("it is not known how far this receiver was told of this tenant: all results of the tenant in the outbox are sent again")
		}
	}
}

// beginStandings checks the standings. If their counts do not add up, because an older build or a
// person has changed what is held, beginStandings counts again.
func (r *round) beginStandings(span ledger.OutboxSpan, held int64, count func() (map[string]int64, error)) error {
	sum := int64(0)
	for _, st := range r.standings {
		sum += st.Held
	}
	if sum != held {
		counts, err := count()
		if err != nil {
			return err
		}
		for tenant := range r.standings {
			r.standing(tenant).Held = counts[tenant]
		}
		for tenant, n := range counts {
			r.standing(tenant).Held = n
		}
	}
	for tenant, st := range r.standings {
		if began := notAfter(st.Outage, r.now); began != st.Outage {
			r.standing(tenant).Outage = began
		}
	}
	countGone(r, span)
	for tenant, st := range r.standings {
		if st.Late {
			r.missed(tenant, st.Left-span.Length) // at least these; the rest is known when the tenant has caught up
		}
	}
	return nil
}

// countGone counts the outcomes that left the outbox before the receiver's place reached them. It
// also notes which tenants may have lost outcomes that were left behind. The outbox loses outcomes
// at any time, so each read needs the span of the same moment for this count.
func countGone(r *round, span ledger.OutboxSpan) {
	behind := func(place string) bool { return span.First == "" || ledger.AfterOutcome(span.First, place) }
	for tenant, st := range r.standings {
		if st.Blocked() && !st.Late && st.Left > 0 && behind(st.Cursor) {
			r.standing(tenant).Late = true
		}
	}
	missed := span.Added - span.Length - r.state.Seen
	if missed <= 0 {
		return
	}
	r.state.Seen += missed
	if r.state.Cursor == "" || !behind(r.state.Cursor) { // a new receiver, or already told of them
		return
	}
	r.state.Lost += missed
	r.Log.Error().Str("receiver", r.Name).Int64("outcomes", missed).
		Msg("outcomes left the outbox before this receiver could be told of them; see docs/results.md on how to catch up")
}
