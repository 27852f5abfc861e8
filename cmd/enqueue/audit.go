package main

import (
	"context"
	"fmt"
	"time"

	"ksefworker/internal/audit"
	"ksefworker/internal/invoice"
)

type auditCmd struct {
	Since string `help:"Only what was done since: 24h, 7d, 2026-11-23 (Warsaw) or RFC 3339." placeholder:"T"`
	ID    string `help:"Only what was done about this invoice or refusal." placeholder:"ID"`
	Limit int    `help:"At most this many entries." default:"200" placeholder:"N"`
	JSON  bool   `name:"json" help:"One JSON object a line."`

	from func(now time.Time) time.Time
}

func (c *auditCmd) check() error {
	if c.Limit < 1 || c.Limit > audit.MaxEntries {
		return &usageError{what: fmt.Sprintf("--limit %d is not between 1 and %d", c.Limit, audit.MaxEntries)}
	}
	var err error
	c.from, err = parseSince(c.Since)
	return err
}

// run prints who did what and when, the newest first.
func (c *auditCmd) run(ctx context.Context, p *program) error {
	now, err := p.base.Ledger.Clock(ctx)
	if err != nil {
		return err
	}
	const page = 1000
	rows, shown := &columns{s: p.out, widths: []int{19, 12, 8, 8, 12, 30}}, 0
	for at := audit.Place(""); ; {
		entries, next, err := p.base.Audit("").Log.List(ctx, at, c.from(now), page)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if c.ID != "" && e.ID != c.ID {
				continue
			}
			if shown == c.Limit {
				p.say("there are older entries: --limit shows more")
				return nil
			}
			if shown++; c.JSON {
				if err := printJSON(p.out, e); err != nil {
					return err
				}
				continue
			}
			if shown == 1 {
				rows.row("WHEN", "WHO", "VIA", "WHAT", "TENANT", "ID", "NOT DONE BECAUSE")
			}
			rows.row(e.At.In(invoice.Warsaw()).Format("2006-01-02 15:04:05"), e.Who, e.Via, e.What, e.Tenant, e.ID, e.NotDone)
		}
		if at = next; at == "" {
			break
		}
	}
	if shown == 0 {
		if c.ID != "" || c.Since != "" {
			p.say("nothing on record matches")
		} else {
			p.say("nothing is on record")
		}
	}
	return nil
}
