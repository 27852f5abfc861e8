package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
	"ksefworker/internal/waiting"
)

func (p *program) explain(ctx context.Context, invs []ledger.Invoice) (map[string]waiting.Wait, error) {
	r, err := p.waitingReader()
	if err != nil {
		return nil, err
	}
	waits, err := r.Explain(ctx, invs)
	if err != nil {
		return nil, fmt.Errorf("find out what invoices wait for: %w", err)
	}
	return waits, nil
}

// sayUnexplained tells once that the reasons cannot be found out: what is known besides is shown all
// the same.
func (p *program) sayUnexplained(err error) {
	if !p.silent {
		p.silent = true
		p.say("%v", err)
	}
}

// unexplained tells the same of an error, and returns that of a call that was cut off.
func (p *program) unexplained(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	p.sayUnexplained(err)
	return nil
}

// Explain implements [inquiry.Explainer]: the reader is made when it is asked first.
func (p *program) Explain(ctx context.Context, invs []ledger.Invoice) (map[string]waiting.Wait, error) {
	return p.explain(ctx, invs)
}

// inquiry answers questions about invoices; what cannot be read or explained is told on stderr.
func (p *program) inquiry() *inquiry.Reader {
	return &inquiry.Reader{Ledger: p.base.Ledger, Environment: string(p.cfg.Environment), Waits: p,
		Unexplained: p.sayUnexplained, Unread: p.sayUnread}
}

func (p *program) waitingReader() (*waiting.Reader, error) {
	if p.waits == nil {
		r, err := p.base.Waiting()
		if err != nil {
			return nil, &usageError{what: err.Error()}
		}
		p.waits = r
	}
	return p.waits, nil
}

// waitText is what an invoice waits for, in a line.
func waitText(r results.Result) string {
	if r.WaitingFor == "" {
		return ""
	}
	s := r.WaitingWhat
	if until, err := time.Parse(time.RFC3339, r.WaitingUntil); err == nil {
		s += ", until " + clock(until)
	}
	return s
}

// clock prints a time of day that is near as people in Poland read it, seconds included.
func clock(t time.Time) string { return t.In(invoice.Warsaw()).Format("2006-01-02 15:04:05") }

// waitingCount is a line of that table as JSON.
type waitingCount struct {
	Invoices int    `json:"invoices"`
	Tenant   string `json:"tenant"`
	For      string `json:"waiting_for"`
	What     string `json:"waiting_what"`
	Until    string `json:"waiting_until,omitempty"` // RFC 3339, UTC
}

func waitingCounts(counts []waiting.Count) []waitingCount {
	out := make([]waitingCount, len(counts)) // never null
	for i, c := range counts {
		out[i] = waitingCount{Invoices: c.Invoices, Tenant: c.Tenant, For: string(c.For), What: c.What}
		if !c.Until.IsZero() {
			out[i].Until = c.Until.UTC().Format(time.RFC3339)
		}
	}
	return out
}

// showWaits prints a table of what waits.
func showWaits(s *screen, counts []waiting.Count) {
	if len(counts) == 0 {
		return
	}
	rows := make([][]string, len(counts))
	for i, c := range counts {
		until := "-"
		if !c.Until.IsZero() {
			until = clock(c.Until)
		}
		tenant := c.Tenant
		if tenant == "" {
			tenant = "-"
		}
		rows[i] = []string{strconv.Itoa(c.Invoices), tenant, string(c.For), until, c.What}
	}
	s.println("what the open ones wait for:")
	table(s, []string{"INVOICES", "TENANT", "WAITING_FOR", "UNTIL", "WHAT"}, rows)
	s.raw("")
}

// reasons follows what a wait is for, and tells it when it changes.
type reasons struct {
	p    *program
	last string
	at   time.Time // when it was looked up
	said time.Time
}

const (
	// reasonsEvery is how often the reason is looked up, and reasonsAgain how often one that stays the
	// same is told.
	reasonsEvery = 2 * time.Second
	reasonsAgain = 10 * time.Minute
)

// look says in a line on stderr what those that are not decided wait for, when that is not what it
// said last.
func (r *reasons) look(ctx context.Context, bar *progress, open []ledger.Invoice) {
	if len(open) == 0 || time.Since(r.at) < reasonsEvery {
		return
	}
	r.at = time.Now()
	waits, err := r.p.explain(ctx, open)
	if err != nil {
		return // that Redis does not answer is said by whoever waits
	}
	first := map[string]waiting.Wait{}
	counts := map[string]int{}
	var order []string
	for _, inv := range open {
		w, ok := waits[inv.ID]
		if !ok {
			continue
		}
		key := string(w.For)
		if counts[key]++; counts[key] == 1 {
			first[key] = w
			order = append(order, key)
		}
	}
	text := strings.Join(order, " ")
	if text == "" || text == r.last && r.at.Sub(r.said) < reasonsAgain {
		return
	}
	r.last, r.said = text, r.at
	var parts []string
	for _, key := range order {
		part := fmt.Sprintf("%d %s", counts[key], first[key].What)
		if until := first[key].Until; !until.IsZero() {
			part += ", until " + clock(until)
		}
		parts = append(parts, part)
	}
	bar.end() // it is drawn anew at the next look
	r.p.say("waiting: %s", strings.Join(parts, "; "))
}
