package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

type openCmd struct{ listing }

// openItem is what a person has to act on.
type openItem struct {
	Tenant string `json:"tenant"` // "" when the seller is none of the tenants
	tasks.Result
	Do    string    `json:"do"` // the commands that end it
	since time.Time // for the order
}

// run lists the open items, and ends with 3 when there are any: a morning's script needs to know no more.
func (c *openCmd) run(ctx context.Context, p *program) error {
	items, err := openItems(ctx, p)
	if err != nil {
		return err
	}
	if err := c.print(p, items); err != nil {
		return err
	}
	if len(items) == 0 {
		p.say("nothing is open")
		return nil
	}
	counts := map[string]int{}
	for i := range items {
		counts[items[i].State]++
	}
	var parts []string
	for _, s := range []string{stateRefused, string(ledger.Rejected), string(ledger.Parked)} {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	p.say("%d open: %s", len(items), strings.Join(parts, ", "))
	return errSome
}

// openItems lists by tenant, in each the oldest first. What cannot be read is told on stderr.
func openItems(ctx context.Context, p *program) ([]openItem, error) {
	var items []openItem
	for _, s := range ledger.States() {
		if !s.Open() {
			continue
		}
		ids, err := p.base.Ledger.InState(ctx, s, time.Time{}, time.Time{}, 0)
		if err != nil {
			return nil, fmt.Errorf("list %s invoices: %w", s, err)
		}
		for chunk := range slices.Chunk(ids, listChunk) {
			invs, err := p.base.Ledger.Invoices(ctx, chunk)
			if err := p.skip(err); err != nil {
				return nil, err
			}
			newest, err := p.base.Ledger.NewestOf(ctx, invs)
			if err != nil {
				return nil, err
			}
			for _, inv := range invs {
				later := newest[inv.ID]
				if inv.State != s || later.State.InKSeF() { // it moved since the list was read, or will be superseded by the sweep
					continue
				}
				items = append(items, openItem{Tenant: inv.Tenant, Result: p.resultOf(inv), Do: p.waitFor(inv.ID, later), since: inv.UpdatedAt.Time()})
			}
		}
	}
	refusals, err := p.base.Ledger.Refusals(ctx, time.Time{}, "")
	if err != nil {
		return nil, err
	}
	for i := range refusals {
		items = append(items, openItem{Tenant: refusals[i].Tenant, Result: resultOfRefusal(&refusals[i]), since: refusals[i].At.Time()})
	}
	for i := range items {
		if items[i].Do == "" {
			items[i].Do = p.whatToDo(items[i].State, items[i].ID, items[i].File, items[i].Tenant)
		}
	}
	slices.SortStableFunc(items, func(a, b openItem) int { return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), a.since.Compare(b.since)) })
	return items, nil
}

func (c *openCmd) print(p *program, items []openItem) error {
	switch c.Format {
	case "ndjson":
		for _, it := range items {
			if err := printJSON(p.out, it); err != nil {
				return err
			}
		}
		return nil
	case "csv":
		w := c.csv(p.out)
		_ = w.Write(append(append([]string{"tenant"}, csvHead()...), "do")) // the writer keeps its first error for the end
		for _, it := range items {
			_ = w.Write(append(append([]string{it.Tenant}, csvRow(it.Result)...), clean(guarded(it.Do))))
		}
		w.Flush()
		return w.Error()
	}
	rows := &columns{s: p.out}
	head := []string{"TENANT", "SINCE", "STATE", "P_2", "ID", "FILE", "REASON", "WHAT TO DO"}
	if p.out.terminal() {
		head = head[:6]
	}
	if len(items) > 0 {
		rows.row(head...)
	}
	for _, it := range items {
		row := []string{it.Tenant, day(it.since), it.State, it.Number, it.ID, it.File}
		if !p.out.terminal() {
			rows.row(append(row, outcome(it.Result), it.Do)...)
			continue
		}
		// A person copies the commands: each has a line of its own.
		rows.row(row...)
		p.out.println("    " + outcome(it.Result))
		for part := range strings.SplitSeq(it.Do, "; ") {
			p.out.println("    - " + part)
		}
	}
	return nil
}
