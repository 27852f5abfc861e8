package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

type resultsCmd struct {
	listing
	Since string `help:"Only what changed since: 24h, 7d, 2026-11-23 (Warsaw) or RFC 3339." placeholder:"T"`
	State string `help:"Only what is in this state; refused lists the documents that were not taken and still have to be fixed." placeholder:"S"`

	from func(now time.Time) time.Time
}

func (c *resultsCmd) check() error {
	if err := c.listing.check(); err != nil {
		return err
	}
	if err := c.checkState(); err != nil {
		return err
	}
	if c.Since == "" {
		c.from = func(time.Time) time.Time { return time.Time{} }
		return nil
	}
	if d, ok := parseSpan(c.Since); ok {
		c.from = func(now time.Time) time.Time { return now.Add(-d) }
		return nil
	}
	t, ok := parseTime(c.Since, invoice.Warsaw(), false)
	if !ok {
		return &usageError{what: fmt.Sprintf("--since %q is neither a time nor a duration", c.Since), hint: "say 24h, 7d, 2026-11-23 or 2026-11-23T08:00:00+01:00"}
	}
	c.from = func(time.Time) time.Time { return t }
	return nil
}

func (c *resultsCmd) checkState() error {
	var names []string
	for _, s := range ledger.States() {
		if s.Final() {
			names = append(names, string(s))
		}
	}
	names = append(names, stateRefused)
	if c.State == "" || slices.Contains(names, c.State) {
		return nil
	}
	return &usageError{what: fmt.Sprintf("--state %q is not decided", c.State), hint: "say one of " + strings.Join(names, ", ")}
}

// parseSpan reads a duration; days are what people mean by 7d, 24 hours each.
func parseSpan(s string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err == nil && n >= 0 && n <= 36500
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0
}

func (c *resultsCmd) run(ctx context.Context, p *program) error {
	show, end := c.printer(p)
	now, err := p.base.Ledger.Clock(ctx)
	if err != nil {
		return err
	}
	for d, err := range decided(ctx, p, c.from(now)) {
		if err == nil && (c.State == "" || c.State == string(d.inv.State)) {
			err = show(d.result)
		}
		if err != nil {
			return err
		}
	}
	if err := c.refusals(ctx, p, c.from(now), show); err != nil {
		return err
	}
	return end()
}

// refusals shows the refused documents that are in the state that was asked for. Without one they are
// left out: what was not taken has no outcome.
func (c *resultsCmd) refusals(ctx context.Context, p *program, from time.Time, show func(tasks.Result) error) error {
	ended, ok := map[string]string{stateRefused: "", ledger.RefusalSuperseded: ledger.RefusalSuperseded, ledger.RefusalDismissed: ledger.RefusalDismissed}[c.State]
	if !ok {
		return nil
	}
	refusals, err := p.base.Ledger.Refusals(ctx, from, ended)
	if err != nil {
		return err
	}
	for i := range refusals {
		if err := show(resultOfRefusal(&refusals[i])); err != nil {
			return err
		}
	}
	return nil
}

// decided yields what is decided and changed since from, in the
// order of the last change. What cannot be read is told on stderr and left out.
func decided(ctx context.Context, p *program, from time.Time) iter.Seq2[decision, error] {
	l := p.base.Ledger
	return func(yield func(decision, error) bool) {
		var lists []*list
		for _, s := range ledger.States() {
			if !s.Final() {
				continue
			}
			ids, err := l.InState(ctx, s, from, time.Time{}, 0)
			if err != nil {
				yield(decision{}, fmt.Errorf("list %s invoices: %w", s, err))
				return
			}
			lists = append(lists, &list{ids: ids})
		}
		told := map[string]bool{} // one that was receipted between two of the lists is in both
		for {
			var next *list
			for _, li := range lists {
				if err := li.fill(ctx, p); err != nil {
					yield(decision{}, err)
					return
				}
				if len(li.ahead) > 0 && (next == nil || li.ahead[0].inv.UpdatedAt < next.ahead[0].inv.UpdatedAt) {
					next = li
				}
			}
			if next == nil {
				return
			}
			d := next.ahead[0]
			next.ahead = next.ahead[1:]
			if told[d.inv.ID] || !d.inv.State.Final() {
				continue
			}
			told[d.inv.ID] = true
			if !yield(d, nil) {
				return
			}
		}
	}
}

// decision is an entry that is decided, and what is told of it: also what it waits for, while its
// receipt is to come.
type decision struct {
	inv    ledger.Invoice
	result tasks.Result
}

// list is one state's ids, oldest change first, and the entries read ahead.
type list struct {
	ids   []string
	ahead []decision
}

func (li *list) fill(ctx context.Context, p *program) error {
	for len(li.ahead) == 0 && len(li.ids) > 0 {
		n := min(len(li.ids), listChunk)
		invs, err := p.base.Ledger.Invoices(ctx, li.ids[:n])
		if err := p.skip(err); err != nil {
			return err
		}
		results, err := p.withWaits(ctx, invs)
		if err != nil {
			return err
		}
		li.ids = li.ids[n:]
		for i := range invs {
			li.ahead = append(li.ahead, decision{invs[i], results[i]})
		}
	}
	return nil
}

// printer returns what prints one result, and what ends the output.
func (c *resultsCmd) printer(p *program) (show func(tasks.Result) error, end func() error) {
	nothing := func() error { return nil }
	switch c.Format {
	case "ndjson":
		return func(r tasks.Result) error { return printJSON(p.out, r) }, nothing
	case "csv":
		w := c.csv(p.out)
		_ = w.Write(csvHead()) // the writer keeps its first error for the end
		show = func(r tasks.Result) error { return w.Write(csvRow(r)) }
		return show, func() error { w.Flush(); return w.Error() }
	}
	// The head comes before the first row: wide enough for ids, days, states and KSeF numbers, it stands over them.
	rows, first := &columns{s: p.out, widths: []int{30, 16, 10, 12, 35}}, true
	return func(r tasks.Result) error {
		if first {
			rows.row("ID", "CHANGED", "STATE", "P_2", "KSEF NUMBER OR REASON", "FILE")
		}
		first = false
		changed, _ := time.Parse(time.RFC3339, r.UpdatedAt)
		rows.row(r.ID, day(changed), r.State, r.Number, outcome(r), r.File)
		return nil
	}, nothing
}
