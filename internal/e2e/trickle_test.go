package e2e_test

import (
	"path/filepath"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// For 150 seconds at true scale, two invoices a second are handed in with P_1 of last week. Every
// deadline is over, and more invoices keep coming. If the worker cut a package for every invoice at
// once, because the invoice is urgent, the sixty sessions of the hour would be used up in two and a
// half minutes. So urgency shortens the wait, but opens no additional session. The hour allows one
// session a minute.
func TestLimits_OverdueTrickle_TrueScale_OneHundredAndFiftySeconds_ASessionAMinute(t *testing.T) {
	benchHours(t)
	s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 200 * time.Millisecond})
	s.configure(1, func(c *config.Config) {
		c.Packages.MaxWait, c.Packages.Quiet = 2*time.Minute, 2*time.Second
		c.Express.Idle = 30 * time.Second
		c.Confirm.First, c.Confirm.Max = 2*time.Second, 2*time.Minute
	})
	const lasts, pause = 150 * time.Second, 500 * time.Millisecond
	lastWeek := invoice.Today(time.Now().AddDate(0, 0, -7))
	dir := s.export("export", sample.NIP(0), int(lasts/pause), func(_ int, o *sample.Options) { o.IssueDate = lastWeek })
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	s.startMany(4)
	began := time.Now()
	for i, file := range files {
		<-time.After(time.Until(began.Add(time.Duration(i) * pause)))
		s.submit(file)
	}
	<-time.After(time.Until(began.Add(lasts)))
	books := s.bed.Simulator.Books()
	sessions, sends := books.Requests["batchSession"], books.Requests["invoiceSend"]
	t.Logf("overdue trickle: %d invoices in %s: %d of the hour's 60 batch sessions and %d of 180 single sends used, "+
		"%d accepted, longest wait %s, %d answers of 429",
		len(files), lasts, sessions, sends, len(books.Accepted), s.longestWait().Round(time.Second), len(books.Violations))
	if sessions > 3 {
		t.Errorf("%d sessions in %s, want at most 3: one a minute and one for the beginning", sessions, lasts)
	}
	s.receipted(len(files), 3*time.Minute)
	t.Logf("overdue trickle: all receipted %s after it ended", (time.Since(began) - lasts).Round(time.Second))
	s.balanced(len(files))
	if wait := s.longestWait(); wait > 75*time.Second {
		t.Errorf("an invoice waited %s for its session, want at most 75s", wait.Round(time.Second))
	}
}

// longestWait returns the longest time between the creation of an invoice and the opening of its
// session. For an invoice whose session is not open yet, the time until now counts.
func (s *site) longestWait() time.Duration {
	s.t.Helper()
	opened := map[string]time.Time{} // by package
	longest := time.Duration(0)
	for _, state := range ledger.States() {
		for _, inv := range s.invoices(state) {
			until, known := opened[inv.Package]
			if !known && inv.Package != "" {
				p, err := s.ledger.Package(s.t.Context(), inv.Package)
				if err != nil {
					s.t.Fatal(err)
				}
				until = p.OpenedAt.Time()
				opened[inv.Package] = until
			}
			if until.IsZero() {
				until = time.Now()
			}
			longest = max(longest, until.Sub(inv.CreatedAt.Time()))
		}
	}
	return longest
}
