package results

import (
	"ksefworker/internal/explain"
	"ksefworker/internal/ledger"
)

// Explain adds the explanations of package explain, in Polish and English, when a person has to
// act, or when the invoice waits or cannot be read. An explanation says what the result means, on
// whose side the cause is, what to do, and whether the invoice can be tried again. The first
// explanation says the most. rules are those that a refused document breaks.
func (r *Result) Explain(rules ...string) {
	if state := ledger.State(r.State); !state.Open() && r.State != Refused && r.State != Unreadable && r.WaitingFor == "" {
		return
	}
	r.Explanations = explain.About(explain.Facts{State: r.State, Code: r.Code, Reason: r.Reason, WaitingFor: r.WaitingFor,
		Waiting: r.WaitingWhat, Rules: rules})
}

// Explained is [OfRefusal] with its explanations.
func Explained(r *ledger.Refusal) Result {
	var rules []string
	for _, f := range r.Faults {
		rules = append(rules, f.Rule)
	}
	out := OfRefusal(r)
	out.Explain(rules...)
	return out
}
