package main

import (
	"testing"
	"time"

	"ksefworker/internal/invoice"
)

func TestParseTime_DayOrDayAndTime_IsInWarsaw(t *testing.T) {
	for _, c := range []struct {
		in, want string
		end      bool
	}{
		{"2026-11-24", "2026-11-24T00:00:00+01:00", false},
		{"2026-11-24", "2026-11-25T00:00:00+01:00", true},
		{"2026-03-29", "2026-03-30T00:00:00+02:00", true}, // summer time begins in that night
		{"2026-07-01 16:00", "2026-07-01T16:00:00+02:00", true},
		{"2026-07-01T16:00:00Z", "2026-07-01T16:00:00Z", false},
	} {
		got, ok := parseTime(c.in, invoice.Warsaw(), c.end)
		if s := got.Format("2006-01-02T15:04:05Z07:00"); !ok || s != c.want {
			t.Errorf("parseTime(%q, end %v) = %s, %v, want %s", c.in, c.end, s, ok, c.want)
		}
	}
	if _, ok := parseTime("tomorrow", invoice.Warsaw(), false); ok {
		t.Error("tomorrow is read as a time")
	}
}

func TestHoursLeft_NearOrFar_IsInHoursOrDays(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		left time.Duration
		want string
	}{
		{90 * time.Minute, "1h30m left"}, {-90 * time.Minute, "1h30m overdue"},
		{75 * time.Hour, "75h00m left"}, {-240 * time.Hour, "10d overdue"}, {0, "0h00m left"},
	} {
		if got := hoursLeft(now.Add(c.left), now); got != c.want {
			t.Errorf("%v: %q, want %q", c.left, got, c.want)
		}
	}
	if got := hoursLeft(time.Time{}, now); got != "" {
		t.Errorf("no deadline: %q", got)
	}
}
