package inquiry

import (
	"slices"
	"strings"

	"ksefworker/internal/ledger"
)

// Filter says which invoices a list shows. An empty field passes all. Only the states narrow what
// is read, and KsefNumber narrows the states. For the other fields every entry since the start of
// the list is looked at. An index for each field would cost memory for every invoice that is kept.
type Filter struct {
	// State is the only state that passes. Waiting passes the invoices that are not decided, or
	// whose receipt is missing. At most one of the two is set. With neither, every decided invoice
	// passes.
	State   ledger.State
	Waiting bool

	Tenants    []string // names; the invoice is of one of them
	Day        string   // P_1, "2006-01-02"
	Number     string   // how P_2 begins, with white space as [SameNumber] compares it
	KsefNumber string   // how the number that KSeF gave begins, in upper or lower case
}

// Match reports whether an invoice passes.
func (f *Filter) Match(inv *ledger.Invoice) bool {
	return f.inState(inv.State) && f.OfTenant(inv.Tenant) && f.MatchText(inv.IssueDate, inv.Number, inv.KsefNumber)
}

func (f *Filter) inState(s ledger.State) bool {
	switch {
	case f.Waiting:
		return !s.Final() || s == ledger.Accepted
	case f.State != "":
		return s == f.State
	}
	return s.Final()
}

// OfTenant reports whether documents of a tenant pass.
func (f *Filter) OfTenant(tenant string) bool {
	return len(f.Tenants) == 0 || slices.Contains(f.Tenants, tenant)
}

// MatchText reports whether a document with this P_1, P_2 and KSeF number passes, whatever its
// tenant and state.
func (f *Filter) MatchText(day, number, ksefNumber string) bool {
	return (f.Day == "" || f.Day == day) &&
		NumberBegins(number, f.Number) &&
		strings.HasPrefix(ksefNumber, strings.ToUpper(f.KsefNumber))
}

// states lists the states that may pass.
func (f *Filter) states() []ledger.State {
	return slices.DeleteFunc(ledger.States(), func(s ledger.State) bool {
		return !f.inState(s) || f.KsefNumber != "" && !s.InKSeF()
	})
}
