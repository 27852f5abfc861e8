package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// wait waits until the documents that were taken are decided, and have their receipts if --wait
// says so. Then it prints their outcomes, also when the time of --timeout is over.
func (c *submitCmd) wait(ctx context.Context, p *program, t *tally) error {
	bounded, cancel := ctx, context.CancelFunc(func() {})
	if c.Timeout > 0 {
		bounded, cancel = context.WithTimeout(ctx, c.Timeout)
	}
	defer cancel()
	ids := make([]string, 0, len(t.taken))
	for _, h := range t.taken {
		if h.past == nil {
			ids = append(ids, h.id)
		}
	}
	bar := newProgress(p.err)
	report := &waitReport{p: p}
	seen, err := intake.Wait(bounded, p.base.Ledger, ids, intake.WaitOptions{
		Receipt: c.Wait == waitReceipt, Progress: bar.show,
		Open: func(open []ledger.Invoice) { report.update(bounded, bar, open) },
	})
	bar.clear()
	timedOut := ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded)
	outcomes := make([]results.Result, len(t.taken))
	for i, h := range t.taken {
		inv := seen[h.id]
		if h.past != nil {
			inv = *h.past
		}
		if inv.ID == "" {
			// The entry was never read. Either the wait ended before the first poll, or the ledger
			// no longer has the entry.
			inv = ledger.Invoice{Facts: ledger.Facts{ID: h.id}, Reason: "not in the ledger"}
			if err != nil {
				inv.State, inv.Reason = ledger.Queued, ""
			}
		}
		outcomes[i] = p.resultOf(inv)
		outcomes[i].File = h.file
	}
	if err := c.printOutcomes(p, t, outcomes); err != nil {
		return err
	}
	switch {
	case timedOut:
		what := "not all are decided"
		if c.Wait == waitReceipt {
			what = "not all are decided and have their receipt"
		}
		p.say("waited %s, %s; %s shows their states", c.Timeout, what, p.command("status"))
		return errSome
	case err != nil:
		return err
	}
	failed := t.result()
	for _, r := range outcomes {
		if s := ledger.State(r.State); failed == nil && (s.Open() || !s.Final()) {
			failed = errSome
		}
	}
	return failed
}

func accepted(r results.Result) bool {
	return r.State == string(ledger.Accepted) || r.State == string(ledger.Receipted)
}

// maxRows is how many accepted invoices, and how many undecided ones, a terminal shows. A file or a
// program gets all of them.
const maxRows = 50

// printOutcomes prints the outcomes: as JSON, or as tables with a summary.
func (c *submitCmd) printOutcomes(p *program, t *tally, outcomes []results.Result) error {
	if c.JSON {
		for i, r := range outcomes {
			if err := printJSON(p.out, handedResult{Result: r, Taken: t.taken[i].taken, Warning: t.taken[i].warning}); err != nil {
				return err
			}
		}
		return p.out.flush()
	}
	var numbers, bad, open [][]string
	counts, receipted := map[string]int{}, 0
	for _, r := range outcomes {
		switch {
		case accepted(r):
			counts["accepted"]++
			if r.State == string(ledger.Receipted) {
				receipted++
			}
			numbers = append(numbers, []string{r.KsefNumber, r.Number, r.File})
		case r.State == string(ledger.Rejected), r.State == string(ledger.Parked):
			counts[r.State]++
			bad = append(bad, []string{r.State, codeText(r.Code), r.Number, r.File, r.Reason})
		case r.State == string(ledger.Dismissed):
			counts[r.State]++
			bad = append(bad, []string{r.State, codeText(r.Code), r.Number, r.File, r.Reason})
		case r.State == string(ledger.Superseded):
			counts[r.State]++
		default:
			counts["open"]++
			open = append(open, []string{r.ID, r.State, r.Number, r.File})
		}
	}
	section(p, []string{"KSEF NUMBER", "P_2", "FILE"}, numbers, p.command("results")+" lists all")
	section(p, []string{"STATE", "CODE", "P_2", "FILE", "REASON"}, bad, "")
	section(p, []string{"ID", "STATE", "P_2", "FILE"}, open, p.command("status")+" lists all")
	p.out.raw("")
	for _, line := range []struct {
		what string
		n    int
		note string
	}{
		{"accepted", counts["accepted"], ""},
		{"rejected", counts["rejected"], "fix the document and hand it in again"},
		{"parked", counts["parked"], "see the reason, then: " + p.command("open")},
		{"not decided", counts["open"], ""},
		{"dismissed", counts["dismissed"], "not sent; if that was a mistake: " + p.command("retry", "ID")},
		{"superseded", counts["superseded"], "another document with its number took its place"},
		{"refused", t.refused, "not taken, see above"},
	} {
		if line.n > 0 || line.what == "accepted" {
			p.out.println(strings.TrimRight(fmt.Sprintf("%-12s %6d  %s", line.what, line.n, line.note), " "))
		}
	}
	switch {
	case counts["accepted"] == 0:
	case receipted == counts["accepted"]:
		p.out.println("receipts (UPO) are kept in " + p.cfg.Archive.URL)
	default:
		p.out.println("receipts (UPO) follow, they are kept in " + p.cfg.Archive.URL)
	}
	return p.out.flush()
}

// section prints one table of the outcomes. A terminal shows at most maxRows rows and then the text
// more, which says where the other rows are. Without this text, all rows are shown.
func section(p *program, head []string, rows [][]string, more string) {
	if len(rows) == 0 {
		return
	}
	left := 0
	if p.out.terminal() && more != "" && len(rows) > maxRows {
		left, rows = len(rows)-maxRows, rows[:maxRows]
	}
	p.out.raw("")
	table(p.out, head, rows)
	if left > 0 {
		p.out.println(fmt.Sprintf("… and %d more; %s", left, more))
	}
}

func codeText(code int) string {
	if code == 0 {
		return "-"
	}
	return strconv.Itoa(code)
}
