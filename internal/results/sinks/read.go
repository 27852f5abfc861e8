package sinks

import (
	"cmp"
	"context"

	"ksefworker/internal/ledger"
)

// maxPass bounds how many outcomes a step of a round reads. Outcomes that the step leaves behind
// count too.
const maxPass = 2000

// tell adds an outcome to the round. The outcome is tried now, or it waits behind a held outcome of
// its invoice. If another outcome of the invoice is tried for the first time in this round, tell
// returns false, and o must come later.
func (r *round) tell(o ledger.Outcome) bool {
	h := ledger.Held{Outcome: o}
	first := r.of[o.ID]
	switch {
	case first != nil && first.fresh:
		return false
	case first != nil:
		first.behind = append(first.behind, h)
	case r.there[o.ID] != nil:
		if !o.Refusal() {
			h.Tenant = r.there[o.ID][0].Tenant
		}
		r.there[o.ID] = append(r.there[o.ID], h)
		r.change.Hold[o.ID] = r.there[o.ID]
	default:
		it := &item{Held: h, fresh: true}
		r.of[o.ID] = it
		r.items = append(r.items, it)
		r.chosen++
	}
	return true
}

// unreadTenant stands for an unknown tenant. This build cannot read the entry, and the outcome does
// not name the tenant.
const unreadTenant = "\x00"

// read reads up to n outcomes that come after a place in the outbox. It also reads what is held for
// their invoices. With wantTenants it returns the tenants of the outcomes; otherwise each is "".
func (r *round) read(ctx context.Context, place string, n int, wantTenants bool) (outcomes []ledger.Outcome, tenants []string, err error) {
	store := r.Editor.Ledger
	outcomes, span, err := store.OutcomesAndSpan(ctx, place, n)
	if err != nil {
		return nil, nil, err
	}
	countGone(r, span)
	if len(outcomes) == 0 {
		return nil, nil, nil
	}
	tenants = make([]string, len(outcomes))
	if wantTenants {
		told, err := store.Told(ctx, outcomes)
		if err != nil {
			return nil, nil, err
		}
		for i := range told {
			switch t := &told[i]; {
			case t.Unread:
				tenants[i] = cmp.Or(t.Tenant, unreadTenant)
			case t.Invoice != nil:
				tenants[i] = t.Invoice.Tenant
			default:
				tenants[i] = t.Tenant
			}
		}
	}
	var ids []string
	for i := range outcomes {
		if id := outcomes[i].ID; r.of[id] == nil && r.there[id] == nil {
			ids = append(ids, id)
		}
	}
	there, err := r.held(ctx, ids)
	for id, list := range there {
		r.there[id] = list
	}
	return outcomes, tenants, err
}

// blocked reports whether outcomes of any tenant are left behind.
func (r *round) blocked() bool {
	for _, st := range r.standings {
		if st.Blocked() {
			return true
		}
	}
	return false
}

// fresh adds up to n outcomes from the outbox and moves the receiver's place behind them. It leaves
// behind the outcomes of blocked tenants. It stops before an outcome that tell does not add, or
// that cannot be put aside.
func (r *round) fresh(ctx context.Context, n int) error {
	blocked := r.blocked() || putsAside(r)
	for r.chosen = 0; r.chosen < n && r.passed < maxPass; {
		size := n - r.chosen
		if blocked {
			size = max(size, r.batch())
		}
		outcomes, tenants, err := r.read(ctx, r.state.Cursor, size, blocked)
		if err != nil || len(outcomes) == 0 {
			return err
		}
		for i, o := range outcomes {
			if st := r.standings[tenants[i]]; st != nil && st.Blocked() {
				r.standing(tenants[i]).Left++
			} else if tenants[i] == "" && putsAside(r) {
				if !aside(r, o) {
					return nil
				}
			} else if r.chosen == n || !r.tell(o) {
				return nil
			}
			r.passed++
			r.state.Cursor = o.At
			r.state.Seen++
		}
		if !blocked {
			return nil
		}
	}
	return nil
}

// catchUp adds up to n outcomes that were left behind, beginning with the tenant whose turn it is.
// The outcomes that are read for that tenant serve the other ready tenants too, so that many
// tenants cost only one pass through the outbox. A tenant whose results the receiver does not take
// may add one outcome.
func (r *round) catchUp(ctx context.Context, n int) error {
	turns := r.ready()
	if len(turns) == 0 {
		return nil
	}
	if r.state.Outage != 0 {
		turns = turns[:1]
	}
	r.turn++
	r.served[turns[0]] = r.turn
	place, end := r.standings[turns[0]].Cursor, false
	left := map[string]int{} // how many outcomes each tenant may still add; -1 when its place must stay
	slow := slowShare(r, turns)
	for _, tenant := range turns {
		switch st := r.standings[tenant]; {
		case ledger.AfterOutcome(place, st.Cursor): // the tenant's place is before the place where this pass begins
		case st.Outage != 0:
			left[tenant] = 1
		case st.Slow:
			left[tenant] = slow
		default:
			left[tenant] = n
		}
	}
	r.chosen = 0
	for read := 0; read < maxPass && r.chosen < n && !end; {
		outcomes, tenants, err := r.read(ctx, place, max(2*n, r.batch()), true)
		if err != nil {
			return err
		}
		next := place
		for i, o := range outcomes {
			tenant := tenants[i]
			if end = ledger.AfterOutcome(o.At, r.state.Cursor) || r.chosen == n; end {
				break
			}
			st := r.standings[tenant]
			if tenant == unreadTenant {
				r.tellUnread(o)
			} else if more, turn := left[tenant]; turn && more >= 0 && ledger.AfterOutcome(o.At, st.Cursor) {
				if left[tenant]--; more == 0 || !r.tell(o) {
					left[tenant] = -1 // its place stays here
				} else {
					st.Cursor, st.Left = o.At, max(st.Left-1, 0)
				}
			}
			next = o.At
			read++
		}
		all := len(outcomes) == 0 || end && r.chosen < n
		if all {
			next, end = r.state.Cursor, true
		}
		for tenant, more := range left {
			st := r.standing(tenant)
			if more >= 0 && ledger.AfterOutcome(next, st.Cursor) {
				st.Cursor = next
			}
		}
		place = next
		r.passed++
	}
	return nil
}

// tellUnread reports an outcome that was left behind and whose entry cannot be read any more. The
// entry may have been readable when the outcome was left behind. Now nobody knows its tenant, or
// whether it was reported before. Two reports do less harm than none.
func (r *round) tellUnread(o ledger.Outcome) {
	for _, h := range r.there[o.ID] {
		if h.Rev == o.Rev {
			return
		}
	}
	if it := r.of[o.ID]; it == nil || it.Rev != o.Rev {
		r.tell(o)
	}
}
