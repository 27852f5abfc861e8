package app_test

import (
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// KSeF takes a while: each session is asked how it stands again and again, which costs one request for all that is in it, and its list is read once, when it is done.
func TestLooks_SessionTakesItsTime_StatusIsAskedAgainAndAgain_TheListOnce(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, simulator.Options{Profile: simulator.Production, Delay: 4 * time.Second}, func(c *config.Config) {
		c.Packages.MaxInvoices, c.Packages.ExpressBelow, c.Packages.MaxWait = 10, 0, 200*time.Millisecond
		c.Confirm.First, c.Confirm.Max = 200*time.Millisecond, 500*time.Millisecond
	})
	const invoices, sessions = 40, 4
	taken := p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), invoices)...)
	for range 2 {
		p.work()
	}
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(invoices)
	books := p.sim.Books()
	looks, lists := books.Requests["sessionMisc"]-sessions, books.Requests["sessionInvoiceList"] // a receipt is of the same group
	t.Logf("%d sessions: %d looks, %d lists", len(books.Sessions), looks, lists)
	if len(books.Sessions) != sessions || lists != sessions || looks <= sessions {
		t.Errorf("%d sessions, %d lists, %d looks: want %d, one list each, and more looks than that", len(books.Sessions), lists, looks, sessions)
	}
}
