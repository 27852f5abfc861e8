package app_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// changeLine is a line of the log about a change of state.
type changeLine struct {
	Message, Level, Invoice, Package, Session, Tenant, State, Invoices string
}

func changeLines(log string) (lines []changeLine) {
	for line := range strings.Lines(log) {
		var c changeLine
		if json.Unmarshal([]byte(line), &c) == nil && strings.HasSuffix(c.Message, "changed its state") {
			lines = append(lines, c)
		}
	}
	return lines
}

func TestLog_EveryChangeOfState_IsOneLineWithInvoicePackageSessionAndTenant(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	p.work()
	docs := good(sample.NIP(0), 8)
	express := p.admit(intake.Terms{Lane: ledger.Express}, docs[:2]...)
	bulk := p.admit(intake.Terms{Lane: ledger.Bulk}, docs[2:]...)
	p.wait(60*time.Second, slices.Concat(express, bulk), receipted)
	all := map[string]bool{} // invoices and packages; the last lines come just after the moves
	for _, a := range slices.Concat(express, bulk) {
		all[a.Invoice.ID], all[p.state(a).Package] = true, true
	}
	until(t, 10*time.Second, "the log has the last lines", func() bool {
		n := 0
		for _, l := range changeLines(p.log.String()) {
			if l.State == string(ledger.Receipted) {
				n++
			}
		}
		return n >= len(all)
	})
	states := map[string][]string{} // by invoice or package
	for _, l := range changeLines(p.log.String()) {
		id := l.Invoice
		if id == "" {
			id = l.Package
		}
		states[id] = append(states[id], l.State)
		if l.Level != "debug" || l.Package == "" || l.Tenant != p.cfg.Tenants[0].Title() || (l.Session == "" && l.State != "packed") {
			t.Errorf("incomplete: %+v", l)
		}
	}
	for _, a := range express {
		if got, want := states[a.Invoice.ID], []string{"sending", "sent", "accepted", "receipted"}; !slices.Equal(got, want) {
			t.Errorf("express: %q, want %q", got, want)
		}
	}
	packages := map[string]bool{}
	for _, a := range bulk {
		if got, want := states[a.Invoice.ID], []string{"packed", "accepted", "receipted"}; !slices.Equal(got, want) {
			t.Errorf("bulk: %q, want %q", got, want)
		}
		packages[p.state(a).Package] = true
	}
	for id := range packages {
		if got, want := states[id], []string{"opened", "uploaded", "closing", "processing", "settled", "receipted"}; !slices.Equal(got,
			want) {
			t.Errorf("package: %q, want %q", got, want)
		}
	}
}
