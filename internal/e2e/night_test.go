package e2e_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// A night's export of ten thousand files goes through enqueue to one worker, under KSeF's
// production limits. If the worker made a package every two seconds (the shorter max_wait), the
// sessions of a minute would be used up. The worker makes a few large packages instead, with either
// max_wait.
func TestNight_TenThousandInvoices_AtMostThreeSessions_NotOne429(t *testing.T) {
	dir, exports := "", t.TempDir()
	for _, maxWait := range []time.Duration{2 * time.Second, 15 * time.Second} {
		t.Run(maxWait.String(), func(t *testing.T) {
			s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: time.Second})
			s.configure(1, func(c *config.Config) { c.Packages.MaxWait, c.Packages.Quiet = maxWait, 2*time.Second })
			if dir == "" {
				dir = s.export(exports, sample.NIP(0), 10_000)
			}
			w := s.start()
			began := time.Now()
			var accepted time.Duration
			done := make(chan struct{})
			go func() {
				defer close(done)
				accepted = s.acceptedAfter(began, 10_000, 4*time.Minute)
			}()
			out := s.submit("--json", dir)
			taken := time.Since(began)
			s.receipted(10_000, 4*time.Minute)
			took := time.Since(began)
			<-done
			books := s.bed.Simulator.Books()
			t.Logf("10,000 invoices: taken in %.1f s, accepted after %.1f s, receipted after %.1f s, "+
				"worker's peak memory %d MB, %d batch sessions, requests %v",
				taken.Seconds(), accepted.Seconds(), took.Seconds(), w.peak(t), len(books.Sessions), books.Requests)
			s.balanced(10_000)
			if len(books.Sessions) > 3 {
				t.Errorf("%d sessions, want at most 3", len(books.Sessions))
			}
			if strings.Contains(out, "refused") {
				t.Error("some good invoices were refused")
			}
		})
	}
}

// acceptedAfter returns the time from began until n invoices were known to be accepted, or 0 when
// this took longer than within.
func (s *site) acceptedAfter(began time.Time, n int, within time.Duration) time.Duration {
	for time.Since(began) < within {
		counts, err := s.ledger.Counts(s.t.Context())
		if err == nil && counts[string(ledger.Accepted)]+counts[string(ledger.Receipted)] == int64(n) {
			return time.Since(began)
		}
		<-time.After(100 * time.Millisecond)
	}
	return 0
}

// A pool of four workers on one Redis, with two tenants and both lanes.
func TestNight_FourWorkersTwoTenantsBothLanes_BooksBalanced(t *testing.T) {
	s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 500 * time.Millisecond})
	s.configure(2, func(c *config.Config) { c.Packages.MaxWait = 2 * time.Second })
	s.startMany(4)
	const bulk, express = 600, 6
	for i := range 2 {
		few := s.export("express-"+sample.NIP(i), sample.NIP(i), express)
		many := s.export("bulk-"+sample.NIP(i), sample.NIP(i), bulk, func(_ int, o *sample.Options) { o.Number = "N/" + o.Number })
		s.submit("--lane", "express", few)
		s.submit(many)
	}
	s.receipted(2*(bulk+express), 3*time.Minute)
	s.balanced(2 * (bulk + express))
	lanes := map[string]int{}
	for _, session := range s.bed.Simulator.Books().Sessions {
		lanes[session.Lane]++
	}
	if lanes["online"] == 0 || lanes["batch"] == 0 {
		t.Errorf("sessions by lane are %v, want both used", lanes)
	}
}
