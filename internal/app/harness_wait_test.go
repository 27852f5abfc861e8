package app_test

import (
	"slices"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
)

const accepted, receipted = ledger.Accepted, ledger.Receipted

// until polls a condition and fails the test when it does not become true in time.
func until(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("%v passed without: %s", within, what)
		}
		<-time.After(50 * time.Millisecond)
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

// invoices reads all of them at once.
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

// all is a condition for until: every one of these invoices is in one of the states.
func (p *pool) all(taken []intake.Admission, states ...ledger.State) func() bool {
	return func() bool {
		for _, a := range taken {
			if !slices.Contains(states, p.state(a).State) {
				return false
			}
		}
		return true
	}
}

// count is a condition for until: n entries of the ledger are in the state.
func (p *pool) count(state ledger.State, n int) func() bool {
	return func() bool {
		counts, err := p.base.Ledger.Counts(p.t.Context())
		return err == nil && counts[string(state)] == int64(n)
	}
}

// wait polls the ledger until every entry in it is in one of the states, or fails the test. It
// returns the admitted invoices.
func (p *pool) wait(within time.Duration, taken []intake.Admission, states ...ledger.State) []ledger.Invoice {
	p.t.Helper()
	deadline := time.Now().Add(within)
	for {
		counts, err := p.base.Ledger.Counts(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		moving := int64(0)
		for s, n := range counts {
			if !slices.Contains(states, ledger.State(s)) {
				moving += n
			}
		}
		if moving == 0 {
			break
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("after %v the invoices are %v, want all in %v", within, counts, states)
		}
		<-time.After(50 * time.Millisecond)
	}
	invs := p.invoices(taken)
	if len(invs) != len(taken) {
		p.t.Fatalf("the ledger has %d of %d invoices", len(invs), len(taken))
	}
	return invs
}
