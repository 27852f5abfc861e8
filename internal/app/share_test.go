package app_test

import (
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// What the pool itself chose to send singly has the hour's single sends used up but for the share; then a person asks for express. At this scale an hour is a minute: with nothing kept, the
// first of them to find a place would wait until the flood's first is an hour old.
func TestExpressShare_AFloodThatThePoolChose_ExpressFindsItsFifthOfTheHour(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, scaledSim, func(c *config.Config) {
		scaled(c)
		c.Packages.ExpressBelow, c.Packages.MaxWait = 1000, 10*time.Minute // nothing of the flood turns to the bulk lane
		c.Express.Idle = time.Minute
	})
	const hour = 180
	kept := int(hour * p.cfg.Limits.ExpressShare)
	docs := good(sample.NIP(0), 2*hour+kept)
	p.admit(tasks.Terms{Lane: ledger.Auto}, docs[:2*hour]...)
	for range 2 {
		p.work()
	}
	// All but the share and one.
	flooded := hour - kept - 1
	sends := func() int { return p.sim.Books().Requests["invoiceSend"] }
	until(t, 30*time.Second, "the flood has used what it may", func() bool { return sends() >= flooded })
	asked := time.Now()
	taken := p.admit(tasks.Terms{Lane: ledger.Express}, docs[2*hour:]...)
	until(t, 30*time.Second, "all that express kept for itself is sent", func() bool { return p.sent(taken) })
	took := time.Since(asked)
	t.Logf("%d sends of the flood, then %d of express within %.1f s; %d in all", flooded, kept, took.Seconds(), sends())
	if n := sends(); n != flooded+kept {
		t.Errorf("%d sends, want %d of the flood and %d of express", n, flooded, kept)
	}
	for _, v := range p.sim.Books().Violations {
		t.Errorf("limit overrun: %+v", v)
	}
}

// sent reports that KSeF has all of them, whatever it says of them.
func (p *pool) sent(taken []tasks.Admission) bool {
	for _, a := range taken {
		switch p.state(a).State {
		case ledger.Sent, ledger.Accepted, ledger.Receipted:
		default:
			return false
		}
	}
	return true
}
