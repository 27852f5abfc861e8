package results

import (
	"strings"
	"testing"

	"ksefworker/internal/explain"
	"ksefworker/internal/ledger"
)

// Of all states, only rejected says for certain that KSeF does not have the invoice.
func TestNoCode_EachState_SaysWhatIsTrueOfItInBothLanguages(t *testing.T) {
	said := map[string]ledger.State{}
	for state, want := range map[ledger.State]string{
		ledger.Rejected: "KSeF rejected", ledger.Parked: "may be unknown whether KSeF has it", ledger.Dismissed: "dismissed",
		ledger.Superseded: "another document of its number", ledger.Receipted: "KSeF has no page",
	} {
		why := NoCode(string(state))
		pl, ok := explain.Say(explain.Polish, why)
		if !strings.Contains(why, want) || !ok || !strings.Contains(pl, "kodu QR") {
			t.Errorf("%s: the words are %q, and in Polish %q; want %q in them, and in Polish kodu QR", state, why, pl, want)
		}
		if other, twice := said[why]; twice {
			t.Errorf("%s and %s have the same words: %s", state, other, why)
		}
		said[why] = state
	}
	for _, state := range ledger.States() {
		if state.Ended() && NoCode(string(state)) == NoCode("") {
			t.Errorf("an invoice can end as %s, and NoCode has no words of its own for this state", state)
		}
	}
}
