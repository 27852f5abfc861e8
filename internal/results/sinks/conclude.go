package sinks

import (
	"strings"
	"time"
	"unicode"

	"ksefworker/internal/ledger"
)

// told returns the time up to which the receiver was told of the outcomes of a tenant.
func (r *round) told(tenant string) time.Time {
	o := ledger.Outcome{At: r.state.Cursor}
	if st := r.standings[tenant]; st != nil && st.Blocked() {
		o.At = st.Cursor
	}
	return o.Time()
}

// conclude records what became of each outcome, and how the receiver stands.
func (r *round) conclude(items []*item) {
	now := r.now
	var errs []error
	of, dropped := map[string]*tried{}, map[string]int64{}
	for _, it := range items {
		if it.edited.Gone {
			if again := it.fresh && !ledger.AfterOutcome(it.At, r.state.Rewound); it.edited.Lost && !again {
				dropped[it.edited.Tenant]++
			}
			r.concludeOne(it, nil)
			continue
		}
		if it.edited.Err == nil {
			errs = append(errs, it.err)
			try(r, of, it)
		}
		r.concludeOne(it, it.err)
		if it.err == nil {
			r.state.Taken++
		}
	}
	loseDropped(r, dropped)
	v, began := verdictOf(errs), r.decide(of)
	if v.gone {
		r.state.Stopped = ledger.At(now)
		r.Log.Error().Str("receiver", r.Name).Err(v.err).
			Msg("this receiver wants no results any more; it gets none until a person runs enqueue deliveries resume " + r.Name)
	}
	if len(errs) > 0 {
		countRefused(r, of, v.err)
		stand(r, v, began, of)
	}
	switch {
	case v.err != nil:
		r.state.Err = short(v.err.Error())
	case len(errs) > 0:
		r.state.Err = ""
	}
}

// loseDropped counts outcomes as lost, because their records were dropped before the receiver was
// told of them. dropped has their number for each tenant. The ledger keeps a bounded number of
// refused documents of a tenant. When many come at once, some may be dropped before a receiver is
// told of them.
func loseDropped(r *round, dropped map[string]int64) {
	for tenant, n := range dropped {
		r.state.Lost += n
		r.Log.Error().Str("receiver", r.Name).Str("tenant", tenant).Int64("outcomes", n).
			Msg("the ledger keeps no record any more of what these outcomes are about, and this receiver was not told of them; " +
				"see docs/results.md on how to catch up")
	}
}

// concludeOne decides whether one outcome is taken, tried again later, or given up.
func (r *round) concludeOne(it *item, err error) {
	now := r.now
	if err == nil {
		r.hold(it, it.behind, now)
		return
	}
	h := it.Held
	h.Attempts++
	h.Err = short(err.Error())
	if h.First == 0 {
		h.First = ledger.At(now)
	}
	// A wrong clock may have dated the first try before the outcome, or in the future.
	h.First = notAfter(max(h.First, ledger.At(h.Time())), now)
	late := now.Sub(h.First.Time()) >= giveUpAfter && r.agreed
	// An outcome without a tenant is never left behind, because it could not be found again later.
	// So when too many of them are held, a new one is given up.
	full := it.fresh && it.edited.Tenant == "" && r.standing("").Held >= r.share()
	if late || full {
		r.change.Fail = append(r.change.Fail, h)
		r.hold(it, it.behind, now)
		why := "this result was not taken in three days and is not tried any more"
		if !late {
			why = "too many results without a tenant are held, so this one is not tried any more"
		}
		r.Log.Error().Str("receiver", r.Name).Str("id", h.ID).Err(err).Msg(why + "; enqueue deliveries list shows it")
		return
	}
	r.hold(it, append([]ledger.Held{h}, it.behind...), now.Add(max(r.pause(h.Attempts), asked(err))))
}

// hold records which outcomes of an invoice are held from now on, and counts them for its tenant.
func (r *round) hold(it *item, list []ledger.Held, next time.Time) {
	if it.fresh && len(list) == 0 {
		return
	}
	for i := range list {
		if tenant := it.edited.Tenant; tenant != "" {
			list[i].Tenant = tenant
		}
	}
	if !it.fresh { // a damaged outcome has no tenant here; the next run counts again what is held
		st := r.standing(it.Tenant)
		st.Held = max(st.Held-1, 0)
	}
	if len(list) > 0 {
		r.standing(list[0].Tenant).Held++
	}
	r.change.Hold[it.ID], r.change.Next[it.ID] = list, next
}

// maxErr is how many bytes of an error are kept.
const maxErr = 400

// short returns the text of an error in one line, without control characters and cut off after
// maxErr bytes.
func short(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxErr {
		s = strings.ToValidUTF8(s[:maxErr], "") + "…"
	}
	return s
}
