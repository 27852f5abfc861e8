package app_test

import (
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// scaled makes an hour a minute for the limiter, as scaledSim does for the simulator. The safety
// margin is not scaled. It is longer than by default, because it must cover the delays of a busy
// machine.
func scaled(c *config.Config) {
	c.Limits.Scale, c.Limits.Margin = 60, 500*time.Millisecond
}

var scaledSim = simulator.Options{Profile: simulator.Production, Scale: 60}

// withinLimits fails the test when the simulator's books show that a limit was exceeded.
func (p *pool) withinLimits() {
	p.t.Helper()
	for _, v := range p.sim.Books().Violations {
		p.t.Errorf("the simulator's books show that a limit was exceeded: %+v", v)
	}
}

// One tenant hands in more invoices for the express lane than may be sent in two hours. Then the
// other tenant hands in ten. When the ten are sent, most invoices of the first tenant must still
// wait.
func TestFairness_OneTenantFloodsTheExpressLane_TheOtherTenantIsNotDelayed(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, scaledSim, scaled)
	flood := p.admit(intake.Terms{Lane: ledger.Express}, good(sample.NIP(0), 400)...)
	ten := p.admit(intake.Terms{Lane: ledger.Express}, good(sample.NIP(1), 10)...)
	began := time.Now()
	for range 2 {
		p.work()
	}
	until(t, 25*time.Second, "the ten are in KSeF", p.all(ten, ledger.Sent, accepted, receipted))
	sent := len(flood) - inState(p, flood, ledger.Queued)
	t.Logf("ten sends after %.1f s, and %d of the flood", time.Since(began).Seconds(), sent)
	if sent > len(flood)/2 {
		t.Errorf("the ten were sent after %d of the flood, want at most half of its 400", sent)
	}
	p.withinLimits()
}

// One tenant hands in many invoices for the bulk lane, and then the other tenant hands in ten. When
// the ten are on their way, most invoices of the first tenant must still be in the queue.
func TestFairness_OneTenantFloodsTheBulkLane_TheOtherTenantDoesNotWaitBehindIt(t *testing.T) {
	t.Parallel()
	const flood = 4000
	p := newPool(t, 2, scaledSim, scaled)
	many := p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), flood)...)
	ten := p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(1), 10)...)
	began := time.Now()
	for range 2 {
		p.work()
	}
	until(t, time.Minute, "the ten have left the queue", func() bool { return p.untouched(ten) == 0 })
	left := p.untouched(many)
	t.Logf("the ten were served after %d ms, while %d of %d of the flood were in the queue", time.Since(began).Milliseconds(), left, flood)
	if left < flood/2 {
		t.Errorf("the ten were served after %d of the flood, want at most half of its 4000", flood-left)
	}
}

// inState counts the invoices in a state.
func inState(p *pool, taken []intake.Admission, state ledger.State) int {
	p.t.Helper()
	n := 0
	for _, inv := range p.invoices(taken) {
		if inv.State == state {
			n++
		}
	}
	return n
}

// untouched counts the invoices that no worker has taken up yet.
func (p *pool) untouched(taken []intake.Admission) int {
	p.t.Helper()
	n := 0
	for _, inv := range p.invoices(taken) {
		if inv.State == ledger.Queued && inv.Group == "" {
			n++
		}
	}
	return n
}

// The workers' clocks are off by up to eleven minutes, in both directions. Requests are counted
// against the limits by Redis's clock.
func TestClocks_WorkersAreMinutesOff_NoLimitIsExceededAndNothingIsLost(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, scaledSim, scaled)
	for _, off := range []time.Duration{-7 * time.Minute, -30 * time.Second, 4 * time.Minute, 11 * time.Minute} {
		base := p.open()
		app.SetClock(base, func() time.Time { return time.Now().Add(off) })
		p.start(p.newWorker(base))
	}
	docs := good(sample.NIP(0), 220)
	taken := p.admit(intake.Terms{Lane: ledger.Express}, docs[:120]...)
	taken = append(taken, p.admit(intake.Terms{Lane: ledger.Bulk}, docs[120:]...)...)
	began := time.Now()
	p.wait(120*time.Second, taken, ledger.Receipted)
	p.balanced(220)
	t.Logf("220 invoices after %.1f s", time.Since(began).Seconds())
}
