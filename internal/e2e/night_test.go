package e2e_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

func today() string { return invoice.Today(time.Now()) }

// A night's export: ten thousand files through enqueue, one worker and KSeF's production limits.
func TestNight_TenThousandInvoices_AtMostThreeSessions_NotOne429(t *testing.T) {
	s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: time.Second})
	s.configure(knobs{tenants: 1, maxWait: 15 * time.Second})
	dir := s.export("export", sample.NIP(0), 10_000)
	w := s.start()
	began := time.Now()
	code, out := s.enqueue("submit", "--json", dir)
	taken := time.Since(began)
	if code != 0 {
		t.Fatalf("enqueue ended with %d:\n%s", code, out[max(0, len(out)-2000):])
	}
	s.settled(10_000, 4*time.Minute)
	took := time.Since(began)
	books := s.sim.Books()
	t.Logf("10,000 invoices: taken in %.1f s, receipted after %.1f s, worker's peak memory %d MB, %d batch sessions, requests %v",
		taken.Seconds(), took.Seconds(), w.peak(t), len(books.Sessions), books.Requests)
	s.balanced(10_000)
	if len(books.Sessions) > 3 {
		t.Errorf("%d sessions, want at most 3", len(books.Sessions))
	}
	if strings.Contains(out, "refused") {
		t.Error("some were refused")
	}
}

// A pool: four workers on one Redis, two tenants, both lanes.
func TestNight_FourWorkersTwoTenantsBothLanes_BooksBalanced(t *testing.T) {
	s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 500 * time.Millisecond})
	s.configure(knobs{tenants: 2, maxWait: 2 * time.Second})
	for range 4 {
		s.start()
	}
	const bulk, express = 600, 6
	for i := range 2 {
		few := s.export("express-"+sample.NIP(i), sample.NIP(i), express)
		many := s.export("bulk-"+sample.NIP(i), sample.NIP(i), bulk, func(_ int, o *sample.Options) { o.Number = "N/" + o.Number })
		if code, out := s.enqueue("submit", "--lane", "express", few); code != 0 {
			t.Fatalf("enqueue ended with %d:\n%s", code, out)
		}
		if code, out := s.enqueue("submit", many); code != 0 {
			t.Fatalf("enqueue ended with %d:\n%s", code, out[max(0, len(out)-2000):])
		}
	}
	s.settled(2*(bulk+express), 3*time.Minute)
	s.balanced(2 * (bulk + express))
	lanes := map[string]int{}
	for _, session := range s.sim.Books().Sessions {
		lanes[session.Lane]++
	}
	if lanes["online"] == 0 || lanes["batch"] == 0 {
		t.Errorf("sessions by lane are %v, want both used", lanes)
	}
}
