package ratelimit

import (
	"testing"
	"time"
)

func TestSpacing_SpreadsTheScarcestWindow_CountsInTheShortestThatHoldsTheGap(t *testing.T) {
	second := WindowUsage{Window: Window{10, time.Second}, Used: 1, Left: 9}
	minute := WindowUsage{Window: Window{20, time.Minute}, Used: 3, Left: 17}
	hour := WindowUsage{Window: Window{60, time.Hour}, Used: 7, Left: 53}
	for _, c := range []struct {
		why           string
		windows       []WindowUsage
		gap           time.Duration
		recent, burst int
	}{
		{"no limits", nil, 0, 0, 0},
		{"KSeF's limits for opening a batch session: sixty an hour are a minute apart, and the minute window counts",
			[]WindowUsage{second, minute, hour}, time.Minute, 3, 5},
		{"windows in another order", []WindowUsage{hour, second, minute}, time.Minute, 3, 5},
		{"the hour window alone", []WindowUsage{hour}, time.Minute, 7, 15},
		{"no hour window: twenty a minute are three seconds apart", []WindowUsage{second, minute}, 3 * time.Second, 3, 5},
		{"a limit of one an hour", []WindowUsage{minute, {Window: Window{1, time.Hour}, Used: 1}}, time.Hour, 1, 1},
	} {
		if gap, recent, burst := (Usage{Windows: c.windows}).Spacing(); gap != c.gap || recent != c.recent || burst != c.burst {
			t.Errorf("%s: gap %s, recent %d, burst %d, want %s, %d, %d", c.why, gap, recent, burst, c.gap, c.recent, c.burst)
		}
	}
}
