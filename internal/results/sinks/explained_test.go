package sinks

import (
	"strings"
	"testing"

	"ksefworker/internal/ledger"
)

func TestEditor_RejectedInvoice_IsToldWithTheExplanationOfItsCode(t *testing.T) {
	w, sink := newWorld(t, 1000), &stub{}
	rejected, accepted := w.invoice("one"), w.invoice("one")
	w.must(w.Move(t.Context(), ledger.Move{ID: rejected, To: ledger.Rejected, Edit: ledger.Because(450, "Błąd")}))
	w.move(accepted, ledger.Packed, ledger.Sending, ledger.Sent, ledger.Accepted)
	w.run(w.runner(sink))
	for _, m := range sink.took {
		if has := strings.Contains(string(m.JSON), `"explanations":[{"space":"invoice","code":"450"`); has != (m.ID == rejected) {
			t.Errorf("the result of %s has the explanation of code 450: %v, want %v: %s", m.ID, has, !has, m.JSON)
		}
	}
	if len(sink.took) != 2 {
		t.Errorf("%d results were told, want 2", len(sink.took))
	}
}
