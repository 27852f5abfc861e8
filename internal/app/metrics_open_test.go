package app

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd/redistest"
)

func TestMetrics_OpenItems_AreExportedEvenAtZero(t *testing.T) {
	rdb, _ := redistest.New(t)
	l := ledger.New(rdb, ledger.Options{})
	if err := l.Refuse(t.Context(), []ledger.Refusal{{ID: ledger.RefusalOfFile("/a.xml"), File: "a.xml"}}); err != nil {
		t.Fatal(err)
	}
	const want = `# HELP ksef_open_items Documents that a person still has to act on (enqueue open), ` +
		`by state: refused, rejected or parked; every worker reports the same figure.
# TYPE ksef_open_items gauge
ksef_open_items{state="parked"} 0
ksef_open_items{state="refused"} 1
ksef_open_items{state="rejected"} 0
`
	if err := testutil.CollectAndCompare(&openCollector{l}, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}
