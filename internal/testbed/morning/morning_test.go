package morning

import (
	"testing"
	"time"
)

func TestOffset_AtAnyTime_ItIsAQuarterPastTenOnTheSameDay(t *testing.T) {
	for hour := range 24 {
		now := time.Date(2026, 11, 26, hour, 59, 59, 0, time.UTC)
		got := now.In(time.FixedZone("", int(offset(now)/time.Second))).Format("2006-01-02 15:04:05")
		if got != "2026-11-26 10:15:00" {
			t.Errorf("at %s, the clock with the offset shows %s, want 10:15 on the same day", now, got)
		}
	}
}
