package results

import (
	"testing"

	"ksefworker/internal/ledger"
)

func TestExplain_WhereAPersonHasToAct_AddsTheExplanationOfTheTable(t *testing.T) {
	for _, tc := range []struct {
		r    Result
		want string // the first explanation; "" is none
	}{
		{Result{State: "rejected", Code: 450, Reason: "Błąd"}, "invoice/450"},
		{Result{State: "parked", Reason: "a technical correction cannot go in a package: dismiss it"}, "parked/not_correctable"},
		{Result{State: "queued", WaitingFor: "limit"}, "wait/limit"},
		{Explained(&ledger.Refusal{Faults: []ledger.RefusalFault{{Field: "P_2", Rule: "must be given"}}}), "refused/missing_field"},
		{Result{State: "receipted", Code: 200}, ""}, {Result{State: "dismissed", Code: 450}, ""}, {Result{State: "queued"}, ""},
	} {
		got := ""
		if tc.r.State != Refused { // [Explained] has explained a refusal already
			tc.r.Explain()
		}
		if len(tc.r.Explanations) > 0 {
			got = tc.r.Explanations[0].Name()
		}
		if got != tc.want {
			t.Errorf("state %s, code %d, waits for %q: the first explanation is %q, want %q",
				tc.r.State, tc.r.Code, tc.r.WaitingFor, got, tc.want)
		}
	}
}
