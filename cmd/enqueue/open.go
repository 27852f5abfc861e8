package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

type openCmd struct {
	listing
	filter
}

func (c *openCmd) check() error {
	if err := c.listing.check(); err != nil {
		return err
	}
	return c.filter.check()
}

// openItem is a document that a person has to act on, as it is printed.
type openItem struct {
	Tenant string `json:"tenant"` // "" when the seller is not a tenant
	results.Result
	SeenBy string `json:"seen_by,omitempty"` // who has marked it as seen
	SeenAt string `json:"seen_at,omitempty"` // RFC 3339, UTC
	Do     string `json:"do"`                // the commands that end it
	since  time.Time
}

// notInOpen are the fields of a result that a row of open items leaves out. The row begins with the
// tenant already, and an open item waits only for a person.
var notInOpen = []string{"tenant", "waiting_since", "taken_back",
	"revision", "gross", "currency", "superseded_by", "recovered", "qr_link"}

// run lists the open items. The exit code is 3 when there are open items, or when some may exist
// that cannot be read. So a script needs only the exit code.
func (c *openCmd) run(ctx context.Context, p *program) error {
	wanted := c.filter.of(p)
	asked, archive, unread := p.inquiry(), &records.Reader{Store: p.base.Store}, 0
	asked.Unread = func(u ledger.Unreadable) {
		if mayPass(ctx, archive, &wanted, &u) {
			p.sayUnread(u)
			unread++
		}
	}
	items, err := openItems(ctx, p, asked, wanted.Tenants)
	if err != nil {
		return err
	}
	items = slices.DeleteFunc(items, func(it openItem) bool { return !passes(&wanted, &it.Result) })
	if err := errors.Join(c.print(p, items), c.unknown(p, len(items))); err != nil {
		return err
	}
	if len(items) == 0 && unread == 0 {
		p.say("no open items")
		return nil
	}
	if len(items) == 0 {
		return whole(p, unread)
	}
	counts := map[string]int{}
	for i := range items {
		counts[items[i].State]++
	}
	var parts []string
	for _, s := range []string{results.Refused, string(ledger.Rejected), string(ledger.Parked)} {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	p.say("%d open: %s", len(items), strings.Join(parts, ", "))
	return cmp.Or(whole(p, unread), errSome)
}

// openItems lists the open items of some tenants, or of all, with the commands that end each.
func openItems(ctx context.Context, p *program, asked *inquiry.Reader, tenants []string) ([]openItem, error) {
	found, err := asked.OpenItems(ctx, tenants...)
	if err != nil {
		return nil, err
	}
	items := make([]openItem, len(found))
	for i, it := range found {
		r := it.Result
		items[i] = openItem{Tenant: it.Tenant, Result: r, Do: p.waitFor(r.ID, it.Later), since: it.Since, SeenBy: it.Seen.By}
		if it.Seen.At != 0 {
			items[i].SeenAt = it.Seen.At.Time().UTC().Format(time.RFC3339)
		}
		if items[i].Do == "" {
			items[i].Do = p.whatToDo(it)
		}
	}
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
		head := append([]string{"tenant"}, csvHead(notInOpen...)...)
		_ = w.Write(append(head, "seen_by", "seen_at", "do")) // Error returns the first error
		for _, it := range items {
			row := append([]string{clean(guarded(it.Tenant))}, csvRow(it.Result, notInOpen...)...)
			_ = w.Write(append(row, clean(guarded(it.SeenBy)), it.SeenAt, clean(guarded(it.Do))))
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
		// A person copies the commands, so each has its own line.
		rows.row(row...)
		p.out.println("    " + outcome(it.Result))
		for part := range strings.SplitSeq(it.Do, "; ") {
			p.out.println("    - " + part)
		}
	}
	return nil
}
