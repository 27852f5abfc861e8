package app

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// During an outage of an hour, the program makes one complaint every second, and the queue another.
func TestRepeats_SameComplaintEverySecond_IsOneLineAMinuteWithTheNumberLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log, thin := zerolog.New(&out), newRepeats(time.Now)
		own, queue := log.Hook(thin), asynqLog{log.Hook(queueRepeats{thin})}
		for i := range 3600 {
			own.Warn().Err(errors.New("connection refused")).Msg("cannot say that this worker is alive")
			queue.Error(fmt.Sprintf("Could not move task id=%d: refused", i))
			<-time.After(time.Second)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 120 {
			t.Errorf("the log of an hour has %d lines, want 120: each of the two complaints once a minute", len(lines))
		}
		if !strings.Contains(lines[3], `"left_out":59`) {
			t.Errorf("the line %s does not say that 59 like it were left out", lines[3])
		}
	})
}

func TestRepeats_MessagesAboutInvoices_AreNeverLeftOut(t *testing.T) {
	var out bytes.Buffer
	log := zerolog.New(&out).Hook(newRepeats(time.Now))
	for i := range 100 {
		log.Warn().Int("id", i).Msg("invoice parked, waits for a person")
		log.Info().Int("id", i).Msg("cannot be a complaint")
	}
	if n := strings.Count(out.String(), "\n"); n != 200 {
		t.Errorf("%d lines were written, want all 200", n)
	}
}
