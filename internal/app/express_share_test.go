package app_test

import (
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// The pool chooses the express lane for invoices of the lane auto. These invoices take as many of
// the hour's single sends as they may. A share of the sends is kept for invoices that are handed in
// for express. When such invoices come, they use this share. Without the share they would have to
// wait until the first send is an hour old. At the scale of this test an hour is a minute.
func TestExpressShare_AutoInvoicesFloodTheHour_ExpressKeepsItsShare(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, scaledSim, func(c *config.Config) {
		scaled(c)
		c.Packages.ExpressBelow, c.Packages.MaxWait = 1000, 10*time.Minute // no invoice of the flood goes by bulk
		c.Express.Idle = time.Minute
	})
	const hour = 180
	kept := int(hour * p.cfg.Limits.ExpressShare)
	docs := good(sample.NIP(0), 2*hour+kept)
	p.admit(intake.Terms{Lane: ledger.Auto}, docs[:2*hour]...)
	for range 2 {
		p.work()
	}
	// The flood may use all of the hour's sends except the share and one more. Requests that are
	// not urgent always leave one place free.
	flooded := hour - kept - 1
	sends := func() int { return p.sim.Books().Requests["invoiceSend"] }
	until(t, 30*time.Second, "the flood has used all the sends that it may use", func() bool { return sends() >= flooded })
	began := time.Now()
	taken := p.admit(intake.Terms{Lane: ledger.Express}, docs[2*hour:]...)
	until(t, 30*time.Second, "all invoices for the express lane are sent", p.all(taken, ledger.Sent, accepted, receipted))
	took := time.Since(began)
	t.Logf("%d sends of the flood, then %d of express within %.1f s; %d in all", flooded, kept, took.Seconds(), sends())
	if n := sends(); n != flooded+kept {
		t.Errorf("%d sends, want %d of the flood and %d of express", n, flooded, kept)
	}
	p.withinLimits()
}
