package app

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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

// A list of refused documents is sick: its key holds a value of the wrong type. The figures of all
// other documents stay, so that no alert about these documents ends.
func TestMetrics_ListOfRefusalsIsSick_TheOtherItemsAreExported(t *testing.T) {
	for _, key := range []string{"refusers", "refusalsopen:B"} {
		rdb, _ := redistest.New(t)
		l := ledger.New(rdb, ledger.Options{})
		for _, tenant := range []string{"", "B"} {
			of := ledger.Refusal{ID: ledger.RefusalOfFile("a.xml"), Tenant: tenant, File: "a.xml"}
			if err := l.Refuse(t.Context(), []ledger.Refusal{of}); err != nil {
				t.Fatal(err)
			}
		}
		rdb.Del(t.Context(), "ksef:"+key)
		rdb.Set(t.Context(), "ksef:"+key, "x", 0)
		if n, err := testutil.GatherAndCount(registryOf(&openCollector{l})); n != 6 || err != nil {
			t.Errorf("while %s is sick, %d figures are exported (error %v), want all six", key, n, err)
		}
	}
}

func registryOf(c prometheus.Collector) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(c)
	return r
}
