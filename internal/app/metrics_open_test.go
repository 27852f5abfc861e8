package app

import (
	"strings"
	"testing"
	"time"

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
	if err := testutil.CollectAndCompare(&openCollector{l}, strings.NewReader(want), "ksef_open_items"); err != nil {
		t.Error(err)
	}
}

func TestMetrics_OldestOpenItem_AgesUntilAPersonActs(t *testing.T) {
	rdb, _ := redistest.New(t)
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	l := ledger.New(rdb, ledger.Options{Now: func() time.Time { return now }})
	for _, name := range []string{"a.xml", "b.xml"} {
		if err := l.Refuse(t.Context(), []ledger.Refusal{{ID: ledger.RefusalOfFile(name), Tenant: name, File: name}}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(3 * time.Hour)
	}
	const want = `# HELP ksef_open_items_oldest_age_seconds For how long the oldest open document has waited for a person, ` +
		`by state; 0 if there is none; every worker reports the same figure.
# TYPE ksef_open_items_oldest_age_seconds gauge
ksef_open_items_oldest_age_seconds{state="parked"} 0
ksef_open_items_oldest_age_seconds{state="refused"} 21600
ksef_open_items_oldest_age_seconds{state="rejected"} 0
`
	if err := testutil.CollectAndCompare(&openCollector{l}, strings.NewReader(want), "ksef_open_items_oldest_age_seconds"); err != nil {
		t.Error(err)
	}
}
