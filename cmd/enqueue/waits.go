package main

import (
	"cmp"
	"strconv"
	"time"

	"ksefworker/internal/explain"
	"ksefworker/internal/results"
	"ksefworker/internal/waiting"
)

// waitText returns in one line what an invoice waits for; "" when it waits for nothing.
func waitText(r results.Result) string { return waitTextIn(explain.English, r) }

// waitTextIn is waitText in a language. r.WaitingWhat is in that language already.
func waitTextIn(l explain.Language, r results.Result) string {
	if r.WaitingFor == "" {
		return ""
	}
	from, to := ", since ", ", until "
	if l == explain.Polish {
		from, to = ", od ", ", do "
	}
	s := r.WaitingWhat
	if since, err := time.Parse(time.RFC3339, r.WaitingSince); err == nil {
		s += from + clock(since)
	}
	if until, err := time.Parse(time.RFC3339, r.WaitingUntil); err == nil {
		s += to + clock(until)
	}
	return s
}

// waitingCount is one row of the table of waits as JSON.
type waitingCount struct {
	Invoices int    `json:"invoices"`
	Tenant   string `json:"tenant"`
	For      string `json:"waiting_for"`
	What     string `json:"waiting_what"`
	Until    string `json:"waiting_until,omitempty"` // RFC 3339, UTC
	Since    string `json:"waiting_since,omitempty"` // RFC 3339, UTC
}

func waitingCounts(counts []waiting.Count) []waitingCount {
	out := make([]waitingCount, len(counts)) // never null in JSON
	for i, c := range counts {
		out[i] = waitingCount{Invoices: c.Invoices, Tenant: c.Tenant, For: string(c.For), What: c.What}
		if !c.Until.IsZero() {
			out[i].Until = c.Until.UTC().Format(time.RFC3339)
		}
		if !c.Since.IsZero() {
			out[i].Since = c.Since.UTC().Format(time.RFC3339)
		}
	}
	return out
}

// showWaits prints the table of waits.
func showWaits(s *screen, counts []waiting.Count) {
	if len(counts) == 0 {
		return
	}
	rows := make([][]string, len(counts))
	for i, c := range counts {
		since, until := "-", "-"
		if !c.Since.IsZero() {
			since = clock(c.Since)
		}
		if !c.Until.IsZero() {
			until = clock(c.Until)
		}
		rows[i] = []string{strconv.Itoa(c.Invoices), cmp.Or(c.Tenant, "-"), string(c.For), since, until, c.What}
	}
	s.println("what invoices wait for:")
	table(s, []string{"INVOICES", "TENANT", "WAITING_FOR", "SINCE", "UNTIL", "WHAT"}, rows)
	s.raw("")
}
