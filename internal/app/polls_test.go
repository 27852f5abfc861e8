package app_test

import (
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// KSeF needs some seconds for each session. Workers poll the status of the session, which is one
// request for all its invoices. They read the session's list of invoices only once, when the
// session is done.
func TestPolls_SlowSession_StatusIsPolledRepeatedlyAndTheListReadOnce(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, simulator.Options{Profile: simulator.Production, Delay: 4 * time.Second}, func(c *config.Config) {
		c.Packages.MaxInvoices, c.Packages.ExpressBelow, c.Packages.MaxWait = 10, 0, 200*time.Millisecond
		c.Confirm.First, c.Confirm.Max = 200*time.Millisecond, 500*time.Millisecond
	})
	const invoices, sessions = 40, 4
	taken := p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), invoices)...)
	for range 2 {
		p.work()
	}
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(invoices)
	books := p.sim.Books()
	polls := books.Requests["sessionMisc"] - sessions // each session's receipt is one more request of this group
	lists := books.Requests["sessionInvoiceList"]
	t.Logf("%d sessions: %d polls, %d lists", len(books.Sessions), polls, lists)
	if len(books.Sessions) != sessions || lists != sessions || polls <= sessions {
		t.Errorf("%d sessions, %d lists, %d polls: want %d sessions, one list for each, and more polls than sessions",
			len(books.Sessions), lists, polls, sessions)
	}
}
