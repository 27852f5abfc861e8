package app_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/app"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// The worker's clock is three months ahead, and one entry is a newer build's: everything else goes
// through, nothing is pruned early, and readiness, metrics and log say so.
func TestHealth_EntryUnreadableAndClockOff_TheOthersGoThroughAndItIsTold(t *testing.T) {
	p := newPool(t, 1, simulator.Options{}, hasty)
	p.cfg.Ledger.Retention = 24 * time.Hour
	docs := p.admit(tasks.Terms{}, good(sample.NIP(0), 8)...)
	bad := docs[3].Invoice
	if err := p.base.Redis.HSet(t.Context(), "ksef:inv:"+bad.ID, "facts", `{"v":2,"id":"`+bad.ID+`"}`).Err(); err != nil {
		t.Fatal(err)
	}
	b := p.open()
	const off = 90 * 24 * time.Hour
	app.SetMachineClock(b, func() time.Time { return time.Now().Add(off) })
	w, err := app.NewWorker(t.Context(), b, zerolog.New(p.log))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.Run(ctx); err != nil {
			t.Errorf("worker: %v", err)
		}
	}()
	defer func() { cancel(); <-done }()
	until(t, time.Minute, "the others are receipted", func() bool {
		counts, err := p.base.Ledger.Counts(t.Context())
		return err == nil && counts[string(ledger.Receipted)] == 7
	})
	until(t, 20*time.Second, "readiness names both", func() bool {
		ready := get(t, "http://"+w.Addr()+"/readyz")
		return strings.Contains(ready, `"ready": true`) && strings.Contains(ready, "inv:"+bad.ID) && strings.Contains(ready, "this machine's clock is 2160h0m0s ahead of redis's")
	})
	metrics := get(t, "http://"+w.Addr()+"/metrics")
	if !strings.Contains(metrics, "ksef_unreadable_entries 1\n") || !strings.Contains(metrics, "ksef_clock_skew_seconds 7.77") {
		t.Error("the metrics do not tell")
	}
	log := p.log.String()
	if n := strings.Count(log, `"key":"inv:`+bad.ID+`"`); n != 1 {
		t.Errorf("the log names the entry %d times", n)
	}
	if !strings.Contains(log, "this machine's clock is not that of redis") {
		t.Error("the log does not tell of the clock")
	}
	p.balanced(7)
}
