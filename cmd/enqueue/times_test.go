package main

import (
	"testing"
	"time"
)

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
			t.Errorf("with %v left the text is %q, want %q", c.left, got, c.want)
		}
	}
	if got := hoursLeft(time.Time{}, now); got != "" {
		t.Errorf("without a deadline the text is %q, want nothing", got)
	}
}

func TestSpan_ZerosAtTheEnd_AreLeftOut(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Millisecond: "1ms", 20 * time.Second: "20s", 90 * time.Second: "1m30s", 10 * time.Minute: "10m",
		4 * time.Hour: "4h", 24 * time.Hour: "24h", 90 * time.Minute: "1h30m", time.Hour + 20*time.Second: "1h0m20s",
	} {
		if got := span(d); got != want {
			t.Errorf("%d ns is %s, want %s", d, got, want)
		}
	}
}
