package page

import (
	"testing"
	"time"

	"ksefworker/internal/invoice"
)

// The form for a report must not offer a day that the report would refuse.
func TestFirstKept_IsTheFirstDayThatAReportTakes(t *testing.T) {
	for from, want := range map[string]string{
		"2026-11-23T11:00:00Z": "2026-11-24", "2026-11-22T23:00:00Z": "2026-11-23", "2026-11-22T22:59:59Z": "2026-11-23",
		"2026-03-29T00:30:00Z": "2026-03-30", // clocks change on this day
	} {
		at, err := time.Parse(time.RFC3339, from)
		if err != nil {
			t.Fatal(err)
		}
		day := firstKept(at)
		if got := day.Format(time.DateOnly); got != want || day.Before(at) || !day.AddDate(0, 0, -1).Before(at) {
			t.Errorf("firstKept(%s) is %s in %s, want %s", from, got, invoice.Warsaw(), want)
		}
	}
}
