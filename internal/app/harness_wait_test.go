package app_test

import (
	"slices"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
)

const accepted, receipted = ledger.Accepted, ledger.Receipted

// patience is the least time that a test waits for something to happen before it fails. A busy
// machine takes many times longer than an idle one. Also, a limit of KSeF may hold a request back
// until the next minute. A test that passes does not wait that long.
const patience = 5 * time.Minute

// polled calls ok until ok returns true, and then returns true. It returns false when both patience
// and usual are over. usual is the longest time that the wait takes on an idle machine. polled
// calls ok less often after a while, because each call slows down the work that the test waits for.
func polled(usual time.Duration, ok func() bool) bool {
	deadline := time.Now().Add(max(usual, patience))
	for pause := 20 * time.Millisecond; !ok(); pause = min(pause*3/2, 250*time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
		<-time.After(pause)
	}
	return true
}

// until polls a condition, and fails the test when the condition is still false long after usual.
// If something has to happen within a given time, the test measures the time itself.
func until(t *testing.T, usual time.Duration, what string, ok func() bool) {
	t.Helper()
	if !polled(usual, ok) {
		t.Fatalf("%v passed and this did not happen: %s", max(usual, patience), what)
	}
}

// state reads an admitted invoice from the ledger.
func (p *pool) state(a intake.Admission) ledger.Invoice {
	p.t.Helper()
	inv, err := p.base.Ledger.Invoice(p.t.Context(), a.Invoice.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return inv
}

// invoices reads several admitted invoices from the ledger at once.
func (p *pool) invoices(taken []intake.Admission) []ledger.Invoice {
	p.t.Helper()
	ids := make([]string, len(taken))
	for i, a := range taken {
		ids[i] = a.Invoice.ID
	}
	invs, err := p.base.Ledger.Invoices(p.t.Context(), ids)
	if err != nil {
		p.t.Fatal(err)
	}
	return invs
}

// all returns a condition for a call of until. It is true when each of these invoices is in one of
// the states.
func (p *pool) all(taken []intake.Admission, states ...ledger.State) func() bool {
	return func() bool {
		invs := p.invoices(taken)
		return len(invs) == len(taken) && !slices.ContainsFunc(invs, func(inv ledger.Invoice) bool {
			return !slices.Contains(states, inv.State)
		})
	}
}

// count returns a condition for a call of until. It is true when n entries of the ledger are in the
// state.
func (p *pool) count(state ledger.State, n int) func() bool {
	return func() bool {
		counts, err := p.base.Ledger.Counts(p.t.Context())
		return err == nil && counts[string(state)] == int64(n)
	}
}

// wait polls the ledger until every entry in it is in one of the states, and returns the admitted
// invoices. It fails the test when that takes as long as the function until would wait.
func (p *pool) wait(usual time.Duration, taken []intake.Admission, states ...ledger.State) []ledger.Invoice {
	p.t.Helper()
	var counts map[string]int64
	if !polled(usual, func() bool {
		var err error
		if counts, err = p.base.Ledger.Counts(p.t.Context()); err != nil {
			p.t.Fatal(err)
		}
		moving := int64(0)
		for s, n := range counts {
			if !slices.Contains(states, ledger.State(s)) {
				moving += n
			}
		}
		return moving == 0
	}) {
		p.t.Fatalf("after %v the invoices are %v, want all in %v", max(usual, patience), counts, states)
	}
	invs := p.invoices(taken)
	if len(invs) != len(taken) {
		p.t.Fatalf("the ledger has %d of %d invoices that were taken in, want all", len(invs), len(taken))
	}
	return invs
}
