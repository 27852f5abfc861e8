package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
	"ksefworker/internal/waiting"
)

const (
	// maxAtRisk is how many invoices near their deadline the overview lists; status --state lists
	// more.
	maxAtRisk = 20
	// maxUnknown is the maximum number of unconfigured tenants that the overview names.
	maxUnknown = 20
)

// pool is what the overview shows.
type pool struct {
	now      time.Time
	counts   map[string]int64 // invoices by state; a state that cannot be counted is missing
	open     int64            // documents that wait for a person: refused, rejected and parked
	openMore bool             // some of them cannot be counted, so there may be more than open says
	due      []ledger.Invoice // near their deadline, nearest first
	waits    []waiting.Count
	unserved connect.Unserved
	holds    map[string]ledger.Hold
}

// overview counts the invoices in each state, and lists those near their deadline.
func (c *statusCmd) overview(ctx context.Context, p *program) error {
	o, err := readPool(ctx, p)
	if err != nil {
		return err
	}
	if c.JSON {
		err = o.printJSON(ctx, p)
	} else {
		o.print(p)
	}
	if err == nil && p.warned {
		return errUnexplained
	}
	if err == nil && (o.openMore || len(o.counts) < len(ledger.States())) {
		return errSome
	}
	return err
}

func readPool(ctx context.Context, p *program) (*pool, error) {
	counts, err := p.base.Ledger.Counts(ctx)
	if err != nil {
		return nil, err
	}
	now, err := p.base.Ledger.Clock(ctx)
	if err != nil {
		return nil, err
	}
	ids, err := p.base.Ledger.Due(ctx, now.Add(p.cfg.Deadlines.Warn), maxAtRisk)
	if err != nil {
		return nil, fmt.Errorf("list deadlines: %w", err)
	}
	if len(counts) < len(ledger.States()) {
		sick, err := p.base.Ledger.SickKeys(ctx)
		if err != nil {
			return nil, err
		}
		_ = p.skip(&ledger.UnreadableError{Entries: sick})
	}
	refused, err := p.base.Ledger.OpenRefusals(ctx)
	openMore := err != nil || !has(counts, ledger.Rejected) || !has(counts, ledger.Parked)
	if err := p.skip(err); err != nil {
		return nil, err
	}
	due, err := p.base.Ledger.Invoices(ctx, ids)
	if err := p.skip(err); err != nil {
		return nil, err
	}
	reader, err := p.waitingReader()
	if err != nil {
		return nil, err
	}
	waits, err := reader.Overview(ctx)
	if err := p.ignoreUnexplained(ctx, err); err != nil {
		return nil, err
	}
	// Older builds left parked invoices in the list of deadlines. A parked invoice is final.
	due = slices.DeleteFunc(due, func(inv ledger.Invoice) bool { return inv.State.Final() })
	unserved, err := p.base.Unserved(ctx)
	if err != nil {
		return nil, err
	}
	holds, err := p.base.Ledger.Holds(ctx)
	if err != nil {
		return nil, err
	}
	open := counts[string(ledger.Rejected)] + counts[string(ledger.Parked)] + refused
	return &pool{now: now, counts: counts, open: open, openMore: openMore, due: due, waits: waits, unserved: unserved, holds: holds}, nil
}

func has(counts map[string]int64, s ledger.State) bool {
	_, ok := counts[string(s)]
	return ok
}

func (o *pool) printJSON(ctx context.Context, p *program) error {
	risk, err := p.inquiry().Results(ctx, o.due)
	if err != nil {
		return err
	}
	return printJSON(p.out, struct {
		Counts  map[string]int64 `json:"counts"`
		AtRisk  []results.Result `json:"at_risk"`
		Open    int64            `json:"open"`
		Waiting []waitingCount   `json:"waiting"`
		// UnknownTenants is the number of invoices of each tenant that is not configured here.
		UnknownTenants map[string]int64 `json:"unknown_tenants,omitempty"`
	}{o.counts, risk, o.open, waitingCounts(o.waits), o.unserved.Counts})
}

func (o *pool) print(p *program) {
	for _, s := range ledger.States() {
		n := "?"
		if has(o.counts, s) {
			n = strconv.FormatInt(o.counts[string(s)], 10)
		}
		p.out.println(fmt.Sprintf("%-10s %8s  %s", s, n, meaning(s)))
	}
	for _, line := range o.unserved.Lines(maxUnknown) {
		p.out.println(line)
	}
	for _, tenant := range slices.Sorted(maps.Keys(o.holds)) {
		p.out.println(holdText(p, tenant, o.holds[tenant]))
	}
	more := ""
	if o.openMore {
		more = " or more, because not all of them can be counted"
	}
	if o.open > 0 || o.openMore {
		p.out.raw("")
		p.out.println(fmt.Sprintf("open items: %d%s; %s lists them with what to do", o.open, more, p.command("open")))
	}
	p.out.raw("")
	showWaits(p.out, o.waits)
	if len(o.due) == 0 {
		p.out.println(fmt.Sprintf("no deadline within %s", span(p.cfg.Deadlines.Warn)))
		return
	}
	rows := make([][]string, len(o.due))
	for i, inv := range o.due {
		deadline := inv.Deadline.Time()
		rows[i] = []string{inv.ID, inv.Number, string(inv.State), deadlineText(deadline), hoursLeft(deadline, o.now)}
	}
	p.out.println(fmt.Sprintf("deadline within %s, nearest first:", span(p.cfg.Deadlines.Warn)))
	table(p.out, []string{"ID", "P_2", "STATE", "DEADLINE", "LEFT"}, rows)
}

// meaning returns an explanation of a state in a few words.
func meaning(s ledger.State) string {
	switch s {
	case ledger.Queued:
		return "taken in, not sent yet"
	case ledger.Packed:
		return "in a package that is being built or uploaded"
	case ledger.Sending:
		return "being sent"
	case ledger.Unknown:
		return "sent, but the answer was lost: KSeF is asked for it"
	case ledger.Sent:
		return "KSeF has it, outcome not known yet"
	case ledger.Accepted:
		return "has its KSeF number, but not its receipt (UPO) yet"
	case ledger.Receipted:
		return "has its KSeF number and its receipt (UPO)"
	case ledger.Rejected:
		return "KSeF refused it: see enqueue open"
	case ledger.Parked:
		return "waits for you: see enqueue open"
	case ledger.Dismissed:
		return "ended by a person: not sent"
	case ledger.Superseded:
		return "another document with its number took its place"
	}
	return ""
}
