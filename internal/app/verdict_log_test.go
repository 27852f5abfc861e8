package app_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tracing"
)

// A refused request is not repeated unchanged, but its invoice is tried again. So the log must not
// say "never" about the invoice.
func TestLog_SessionIsRefusedOnce_DoesNotSayNever(t *testing.T) {
	t.Parallel()
	sim := quickSim
	sim.Faults = []simulator.Fault{{Kind: simulator.Refused, On: "openOnline", Code: 21405, Times: 1}}
	p := newPool(t, 1, sim, hasty)
	p.work()
	taken := p.admit(intake.Terms{Lane: ledger.Express}, good(sample.NIP(0), 1)...)
	p.wait(60*time.Second, taken, ledger.Receipted)
	log := p.log.String()
	line := `"trace_id":"` + tracing.IDText(taken[0].Invoice.ID) + `","verdict":"again","reason":"refused"`
	if !strings.Contains(log, line) || strings.Contains(log, "never (refused)") {
		t.Errorf("the log does not say that the invoice is tried again, or says never:\n%s", log)
	}
}
