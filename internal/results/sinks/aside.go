package sinks

import (
	"time"

	"ksefworker/internal/ledger"
)

// Outcomes without a tenant, such as the refusal of a document that belongs to nobody, cannot be
// left behind in the outbox, because they could not be found again. When the receiver takes none of
// them, they are put aside: they are held without being tried first, and outcomes of tenants go on.
// When no more of them may be held, the next one keeps its place in the outbox, and all outcomes
// after it wait.

// putsAside reports whether new outcomes without a tenant are put aside.
func putsAside(r *round) bool {
	st := r.standings[""]
	return st != nil && (st.Outage != 0 || r.waits(st))
}

// aside puts an outcome aside. It returns false when the outcome must keep its place in the outbox.
func aside(r *round, o ledger.Outcome) bool {
	if r.of[o.ID] != nil || r.there[o.ID] != nil {
		return r.tell(o) // it waits for an earlier outcome of the same document
	}
	st := r.standing("")
	if st.Held >= r.share() {
		return false
	}
	st.Held++
	r.there[o.ID] = []ledger.Held{{Outcome: o}}
	r.change.Hold[o.ID], r.change.Next[o.ID] = r.there[o.ID], later(r.state.NextOf(st).Time(), r.now)
	return true
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
