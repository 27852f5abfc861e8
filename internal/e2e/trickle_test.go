package e2e_test

import (
	"path/filepath"
	"testing"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// Two invoices a second with P_1 of last week, for 150 seconds, at true scale: every deadline is over,
// and more keeps coming. Cut as fast as that is urgent, they took the hour's sixty sessions in two and
// a half minutes. Urgency makes the wait shorter and costs no more: a session a minute is what the hour
// bears.
func TestLimits_OverdueTrickle_TrueScale_OneHundredAndFiftySeconds_ASessionAMinute(t *testing.T) {
	hours(t)
	s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 200 * time.Millisecond})
	s.configure(knobs{tenants: 1, maxWait: 2 * time.Minute, quiet: 2 * time.Second, express: "{idle: 30s}", confirm: "{first: 2s, max: 2m}"})
	const lasts, pause = 150 * time.Second, 500 * time.Millisecond
	lastWeek := invoice.Today(time.Now().AddDate(0, 0, -7))
	dir := s.export("export", sample.NIP(0), int(lasts/pause), func(_ int, o *sample.Options) { o.IssueDate = lastWeek })
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	fleet(t, s, 4)
	began := time.Now()
	for i, file := range files {
		<-time.After(time.Until(began.Add(time.Duration(i) * pause)))
		if code, out := s.enqueue("submit", file); code != 0 {
			t.Fatalf("enqueue ended with %d: %s", code, out)
		}
	}
	<-time.After(time.Until(began.Add(lasts)))
	books := s.sim.Books()
	sessions, sends := books.Requests["batchSession"], books.Requests["invoiceSend"]
	t.Logf("overdue trickle: %d invoices in %s: %d of the hour's 60 batch sessions and %d of 180 single sends used, %d accepted, oldest wait %s, %d answers of 429",
		len(files), lasts, sessions, sends, len(books.Accepted), s.oldestWait().Round(time.Second), len(books.Violations))
	if sessions > 3 {
		t.Errorf("%d sessions in %s, want at most one a minute and one for the beginning", sessions, lasts)
	}
	s.settled(len(files), 3*time.Minute)
	t.Logf("overdue trickle: all receipted %s after it ended", (time.Since(began) - lasts).Round(time.Second))
	s.balanced(len(files))
	if wait := s.oldestWait(); wait > 75*time.Second {
		t.Errorf("one waited %s for its session", wait.Round(time.Second))
	}
}

// oldestWait is the longest that an invoice has waited for its session to be opened, or waits still.
func (s *site) oldestWait() time.Duration {
	s.t.Helper()
	opened := map[string]time.Time{}
	longest := time.Duration(0)
	for _, state := range ledger.States() {
		ids, err := s.ledger.InState(s.t.Context(), state, time.Time{}, time.Time{}, 0)
		if err != nil {
			s.t.Fatal(err)
		}
		invs, err := s.ledger.Invoices(s.t.Context(), ids)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, inv := range invs {
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
