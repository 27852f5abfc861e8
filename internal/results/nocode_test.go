package results

import (
	"strings"
	"testing"

	"ksefworker/internal/explain"
	"ksefworker/internal/ledger"
)

// Only of a rejected invoice is it certain that KSeF does not have it.
func TestNoCode_EachState_SaysWhatIsTrueOfItInBothLanguages(t *testing.T) {
	said := map[string]ledger.State{}
	for state, want := range map[ledger.State]string{
		ledger.Rejected: "KSeF rejected", ledger.Parked: "may be unknown whether KSeF has it", ledger.Dismissed: "dismissed",
		ledger.Superseded: "another document of its number", ledger.Receipted: "KSeF has no page",
	} {
		why := NoCode(string(state))
		pl, ok := explain.Say(explain.Polish, why)
		if !strings.Contains(why, want) || !ok || !strings.Contains(pl, "kodu QR") {
			t.Errorf("%s: %q, in Polish %q", state, why, pl)
		}
		if other, twice := said[why]; twice {
			t.Errorf("%s and %s: %s", state, other, why)
		}
		said[why] = state
	}
	for _, state := range ledger.States() {
		if state.Ended() && NoCode(string(state)) == NoCode("") {
			t.Errorf("%s ends an invoice, and no words are for it", state)
		}
	}
}
