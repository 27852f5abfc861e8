package app

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

func TestMetrics_RejectionsByCode_AreAClosedListWithOneSeriesForTheRest(t *testing.T) {
	m := newOutcomeMetrics()
	before := testutil.CollectAndCount(m, "ksef_rejections_total")
	for _, code := range []int{450, 450, 430, 987, 988} {
		m.ended(tasks.Ended{State: ledger.Rejected, Code: code})
	}
	m.ended(tasks.Ended{State: ledger.Parked, Code: 440})
	for code, want := range map[string]float64{"450": 2, "430": 1, "440": 0, "other": 2} {
		if got := testutil.ToFloat64(m.rejections.WithLabelValues(code)); got != want {
			t.Errorf("ksef_rejections_total counts %v rejections with the label code=%s, want %v", got, code, want)
		}
	}
	if after := testutil.CollectAndCount(m, "ksef_rejections_total"); after != before {
		t.Errorf("there are %d series of rejections, and there were %d before the invoices ended: want no more", after, before)
	}
}

func TestMetrics_TimeToNumber_IsCountedForAcceptedInvoicesOnly(t *testing.T) {
	m := newOutcomeMetrics()
	m.ended(tasks.Ended{State: ledger.Accepted, Lane: ledger.Express, After: 20 * time.Second})
	m.ended(tasks.Ended{State: ledger.Accepted, After: time.Hour}) // no lane was ever chosen: it counts as bulk
	m.ended(tasks.Ended{State: ledger.Rejected, Code: 450, Lane: ledger.Bulk, After: time.Hour})
	if got := testutil.CollectAndCount(m, "ksef_time_to_number_seconds"); got != 2 {
		t.Errorf("ksef_time_to_number_seconds has %d series, want two, one for each lane", got)
	}
}
