package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// After a loss of Redis an export is handed in again. A person who looks an invoice up sees that
// KSeF had it already. This explains why its KSeF number is older than the export.
func TestDetail_InvoiceWasRecovered_SaysThatKSeFHadIt(t *testing.T) {
	show := func(recovered bool) string {
		var out bytes.Buffer
		s := newScreen(&out)
		detail(s, ledger.Invoice{State: ledger.Receipted}, results.Result{ID: "inv-1", Recovered: recovered}, time.Now())
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	const line = "\nrecovered      KSeF had it already, and it was not accepted a second time\n"
	if got := show(true); !strings.Contains(got, line) {
		t.Error("the detail of a recovered invoice does not say that KSeF had it already:", got)
	}
	if got := show(false); strings.Contains(got, "recovered") {
		t.Error("the detail of an invoice that was not recovered says that it was:", got)
	}
}
