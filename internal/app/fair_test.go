package app_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// scaled makes an hour a minute on both sides. The margin stays as long as this machine needs it.
func scaled(c *config.Config) {
	c.Limits.Scale, c.Limits.Margin = 60, 500*time.Millisecond
}

var scaledSim = simulator.Options{Profile: simulator.Production, Scale: 60}

// receipted polls until all of the given are, and tells when.
func (p *pool) receipted(taken []tasks.Admission, within time.Duration) time.Time {
	p.t.Helper()
	for deadline := time.Now().Add(within); ; <-time.After(50 * time.Millisecond) {
		done := 0
		for _, a := range taken {
			if p.state(a).State == ledger.Receipted {
				done++
			}
		}
		if done == len(taken) {
			return time.Now()
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%d of %d receipted after %s", done, len(taken), within)
		}
	}
}

// The express lane: one tenant has more single sends than two hours allow, the other ten.
func TestFairness_OneTenantFloodsTheExpressLane_TheOthersTenAreNotDelayed(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, scaledSim, scaled)
	p.admit(tasks.Terms{Lane: ledger.Express}, good(sample.NIP(0), 1000)...)
	ten := p.admit(tasks.Terms{Lane: ledger.Express}, good(sample.NIP(1), 10)...)
	began := time.Now()
	for range 2 {
		p.work()
	}
	took := p.receipted(ten, 25*time.Second).Sub(began)
	t.Logf("ten sends after %.1f s", took.Seconds())
	for _, v := range p.sim.Books().Violations {
		t.Errorf("limit overrun: %+v", v)
	}
}

// The bulk lane: one tenant hands in thousands before the other's ten. When the ten are on their way, most of the thousands still stand in the queue.
func TestFairness_OneTenantFloodsTheBulkLane_TheOthersTenDoNotStandBehindIt(t *testing.T) {
	t.Parallel()
	const flood = 4000
	p := newPool(t, 2, scaledSim, scaled)
	many := p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), flood)...)
	ten := p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(1), 10)...)
	began := time.Now()
	for range 2 {
		p.work()
	}
	for deadline := began.Add(time.Minute); p.standing(ten) > 0; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of ten still stand in the queue", p.standing(ten))
		}
	}
	left := p.standing(many)
	t.Logf("ten were served after %d ms, %d of %d of the flood stood in the queue then", time.Since(began).Milliseconds(), left, flood)
	if left < flood/2 {
		t.Errorf("the ten were served after %d of the flood", flood-left)
	}
}

// standing counts those that no worker has had in hand yet.
func (p *pool) standing(taken []tasks.Admission) int {
	p.t.Helper()
	ids := make([]string, len(taken))
	for i, a := range taken {
		ids[i] = a.Invoice.ID
	}
	all, err := p.base.Ledger.Invoices(p.t.Context(), ids)
	if err != nil {
		p.t.Fatal(err)
	}
	n := 0
	for _, inv := range all {
		if inv.State == ledger.Queued && inv.Group == "" {
			n++
		}
	}
	return n
}

// Clocks of workers that are minutes off, each in its own direction: the limits are counted on Redis's clock alone.
func TestClocks_OffByMinutes_NoLimitIsOverrunAndNothingIsLost(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, scaledSim, scaled)
	for _, off := range []time.Duration{-7 * time.Minute, -30 * time.Second, 4 * time.Minute, 11 * time.Minute} {
		p.workOff(off)
	}
	docs := good(sample.NIP(0), 220)
	taken := p.admit(tasks.Terms{Lane: ledger.Express}, docs[:120]...)
	taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Bulk}, docs[120:]...)...)
	began := time.Now()
	p.wait(120*time.Second, taken, ledger.Receipted)
	p.balanced(220)
	t.Logf("220 invoices after %.1f s", time.Since(began).Seconds())
}

// workOff starts a worker whose clock is off.
func (p *pool) workOff(by time.Duration) {
	p.t.Helper()
	b := p.open()
	app.SetClock(b, func() time.Time { return time.Now().Add(by) })
	w, err := app.NewWorker(p.t.Context(), b, zerolog.New(p.log).With().Timestamp().Logger())
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.Run(ctx); err != nil {
			p.t.Errorf("worker: %v", err)
		}
	}()
	var once sync.Once
	p.t.Cleanup(func() { once.Do(func() { cancel(); <-done }) })
}
