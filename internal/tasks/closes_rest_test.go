package tasks

import (
	"testing"
	"time"
)

// Only the memory of this process has the session, so no other process asks about it. The pauses
// between the tries to close it therefore have to grow here. When the worker stops, there is one
// more try.
func TestCloses_OneFailsAgainAndAgain_PausesGrowAndItIsTriedAtTheEnd(t *testing.T) {
	e, now := newExpress(), time.Now()
	began := now
	s := &onlineSession{failing: began, opened: began, used: began}
	e.ended[s] = struct{}{}
	tries := 0
	for now.Sub(began) < time.Hour {
		if len(e.due(now, Options{})) > 0 {
			tries++
			e.rest(s, now)
		}
		now = now.Add(pulseEvery)
	}
	if tries < 12 || tries > 50 {
		t.Errorf("%d tries in an hour, want 12 to 50: every few seconds at first, then every five minutes", tries)
	}
	e.rest(s, now)
	e.stopped = true
	if len(e.due(now, Options{})) != 1 {
		t.Error("when the worker stops, the close is not tried once more")
	}
}
