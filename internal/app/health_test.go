package app_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/app"
	"ksefworker/internal/intake"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// The worker's clock is three months ahead, and a newer build has written one entry of the ledger.
// The other invoices go through, nothing is pruned early, and readiness, metrics and log show both
// faults.
func TestHealth_EntryUnreadableAndClockOff_OtherInvoicesGoThroughAndBothAreShown(t *testing.T) {
	p := newPool(t, 1, simulator.Options{}, hasty)
	p.cfg.Ledger.Retention = 24 * time.Hour
	docs := p.admit(intake.Terms{}, good(sample.NIP(0), 8)...)
	bad := docs[3].Invoice
	if err := p.base.Redis.HSet(t.Context(), "ksef:inv:"+bad.ID, "facts", `{"v":2,"id":"`+bad.ID+`"}`).Err(); err != nil {
		t.Fatal(err)
	}
	b := p.open()
	const off = 90 * 24 * time.Hour
	app.SetMachineClock(b, func() time.Time { return time.Now().Add(off) })
	w := p.newWorker(b)
	defer p.start(w)()
	until(t, time.Minute, "the other seven invoices are receipted", p.count(receipted, 7))
	until(t, 20*time.Second, "readiness names the unreadable entry and the clock", func() bool {
		ready := page(t, w.Addr(), "/readyz")
		return strings.Contains(ready, `"ready": true`) && strings.Contains(ready, "inv:"+bad.ID) &&
			strings.Contains(ready, "this machine's clock is 2160h0m0s ahead of redis's")
	})
	metrics := page(t, w.Addr(), "/metrics")
	if !strings.Contains(metrics, "ksef_unreadable_entries 1\n") || !strings.Contains(metrics, "ksef_clock_skew_seconds 7.77") {
		t.Error("the metrics do not show both the unreadable entry and the clock")
	}
	log := p.log.String()
	if n := strings.Count(log, `"key":"inv:`+bad.ID+`"`); n != 1 {
		t.Errorf("the log names the unreadable entry %d times, want once", n)
	}
	if !strings.Contains(log, "this machine's clock differs from redis's") {
		t.Error("the log does not say that the machine's clock is off")
	}
	p.balanced(7)
}
