package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

type statusCmd struct {
	State string   `help:"List the invoices in this state." placeholder:"S"`
	JSON  bool     `name:"json" help:"Print one JSON object for each invoice; without --state and names, one object with counts and at_risk."`
	Names []string `arg:"" optional:"" name:"ID|P_2" help:"Ids as submit printed them, or invoice numbers."`
}

func (c *statusCmd) check() error {
	if c.State == "" {
		return nil
	}
	if len(c.Names) > 0 {
		return &usageError{what: "--state does not go with ids or numbers", hint: "leave one of them out"}
	}
	if !slices.Contains(ledger.States(), ledger.State(c.State)) {
		var names []string
		for _, s := range ledger.States() {
			names = append(names, string(s))
		}
		return &usageError{what: fmt.Sprintf("--state %q is not known", c.State), hint: "say one of " + strings.Join(names, ", ")}
	}
	return nil
}

func (c *statusCmd) run(ctx context.Context, p *program) error {
	switch {
	case len(c.Names) > 0:
		return c.named(ctx, p)
	case c.State != "":
		return c.listed(ctx, p)
	}
	return c.overview(ctx, p)
}

// named shows each invoice in full. A number may be that of several: of other sellers, or an earlier document that was rejected.
func (c *statusCmd) named(ctx context.Context, p *program) error {
	missing, first := false, true
	for _, name := range c.Names {
		invs, err := p.inquiry().Find(ctx, name)
		if unread, _ := ledger.Skip(err); unread != nil {
			missing = true
		}
		known := err != nil
		if err := p.skip(err); err != nil {
			return err
		}
		if len(invs) == 0 && !known {
			missing = true
			if strings.HasPrefix(name, "ref-") {
				p.say("%s: a document that was refused is not here; %s lists those on record", name, p.command("results --state refused"))
				continue
			}
			p.say("%s: neither an id nor a number (P_2) that is known", name)
		}
		told, err := p.inquiry().Results(ctx, invs)
		if err != nil {
			return err
		}
		for i, inv := range invs {
			r := told[i]
			if c.JSON {
				if err := printJSON(p.out, r); err != nil {
					return err
				}
				continue
			}
			if !first {
				p.out.raw("")
			}
			first = false
			detail(p.out, inv, r, time.Now())
		}
	}
	if missing {
		return errSome
	}
	return nil
}

func detail(s *screen, inv ledger.Invoice, r results.Result, now time.Time) {
	deadline := ""
	if !inv.Deadline.Time().IsZero() {
		deadline = deadlineText(inv.Deadline.Time())
		if !inv.State.Final() || inv.State.Open() { // what is open has still to reach KSeF
			deadline += ", " + hoursLeft(inv.Deadline.Time(), now)
		}
	}
	code := ""
	if r.Code != 0 {
		code = fmt.Sprint(r.Code)
	}
	for _, line := range [][2]string{
		{"id", r.ID}, {"state", r.State}, {"KSeF number", r.KsefNumber}, {"code", code}, {"reason", r.Reason}, {"waits for", waitText(r)},
		{"number (P_2)", r.Number}, {"kind", r.Kind}, {"issued (P_1)", r.IssueDate}, {"seller NIP", r.NIP}, {"tenant", inv.Tenant}, {"file", r.File},
		{"package", r.Package}, {"session", r.Session}, {"attempts", fmt.Sprint(r.Attempts)}, {"deadline", deadline},
		{"changed", day(inv.UpdatedAt.Time())}, {"receipt (UPO)", r.UPO}, {"verification", r.VerificationURL}, {"hash", r.Hash},
	} {
		if line[1] != "" {
			s.println(fmt.Sprintf("%-14s %s", line[0], line[1]))
		}
	}
}

// listed prints a line for each invoice in the state, those that changed longest ago first.
func (c *statusCmd) listed(ctx context.Context, p *program) error {
	rows := &columns{s: p.out}
	return p.inquiry().InState(ctx, ledger.State(c.State), func(invs []ledger.Invoice) error {
		told, err := p.inquiry().Results(ctx, invs)
		if err != nil {
			return err
		}
		for i, inv := range invs {
			r := told[i]
			if !c.JSON {
				rows.row(r.ID, r.Number, r.State, day(inv.UpdatedAt.Time()), cmp.Or(outcome(r), waitText(r)))
			} else if err := printJSON(p.out, r); err != nil {
				return err
			}
		}
		if err := p.out.flush(); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
		return nil
	})
}

// mostAtRisk bounds the overview; status --state lists more.
const mostAtRisk = 20

// unknownShown bounds the tenants that the overview names because they are not configured.
const unknownShown = 20

// overview counts the states, and names what is closest to its deadline.
func (c *statusCmd) overview(ctx context.Context, p *program) error {
	counts, err := p.base.Ledger.Counts(ctx)
	if err != nil {
		return err
	}
	now, err := p.base.Ledger.Clock(ctx)
	if err != nil {
		return err
	}
	ids, err := p.base.Ledger.Due(ctx, now.Add(p.cfg.Deadlines.Warn), mostAtRisk)
	if err != nil {
		return fmt.Errorf("list deadlines: %w", err)
	}
	refused, err := p.base.Ledger.OpenRefusals(ctx)
	if err != nil {
		return err
	}
	due, err := p.base.Ledger.Invoices(ctx, ids)
	if err := p.skip(err); err != nil {
		return err
	}
	reader, err := p.waitingReader()
	if err != nil {
		return err
	}
	waits, err := reader.Overview(ctx)
	if err != nil {
		err = fmt.Errorf("find out what invoices wait for: %w", err)
	}
	if err := p.unexplained(ctx, err); err != nil {
		return err
	}
	// What was parked by an older build stands among them.
	due = slices.DeleteFunc(due, func(inv ledger.Invoice) bool { return inv.State.Final() })
	unserved, err := p.base.Unserved(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		risk, err := p.inquiry().Results(ctx, due)
		if err != nil {
			return err
		}
		return printJSON(p.out, struct {
			Counts  map[string]int64 `json:"counts"`
			AtRisk  []results.Result `json:"at_risk"`
			Open    int64            `json:"open"` // items that wait for a person: refused, rejected and parked
			Waiting []waitingCount   `json:"waiting"`

			UnknownTenants map[string]int64 `json:"unknown_tenants,omitempty"` // invoices that wait for a tenant that is not configured here
		}{counts, risk, counts[string(ledger.Rejected)] + counts[string(ledger.Parked)] + refused, waitingCounts(waits), unserved.Counts})
	}
	for _, s := range ledger.States() {
		p.out.println(fmt.Sprintf("%-10s %8d  %s", s, counts[string(s)], meaning(s)))
	}
	for _, line := range unserved.Lines(unknownShown) {
		p.out.println(line)
	}
	if open := counts[string(ledger.Rejected)] + counts[string(ledger.Parked)] + refused; open > 0 {
		p.out.raw("")
		p.out.println(fmt.Sprintf("open items: %d, %s lists them with what to do", open, p.command("open")))
	}
	p.out.raw("")
	showWaits(p.out, waits)
	if len(due) == 0 {
		p.out.println(fmt.Sprintf("no deadline within %s", span(p.cfg.Deadlines.Warn)))
		return nil
	}
	rows := make([][]string, len(due))
	for i, inv := range due {
		rows[i] = []string{inv.ID, inv.Number, string(inv.State), deadlineText(inv.Deadline.Time()), hoursLeft(inv.Deadline.Time(), now)}
	}
	p.out.println(fmt.Sprintf("deadline within %s, nearest first:", span(p.cfg.Deadlines.Warn)))
	table(p.out, []string{"ID", "P_2", "STATE", "DEADLINE", "LEFT"}, rows)
	return nil
}

func meaning(s ledger.State) string {
	switch s {
	case ledger.Queued:
		return "taken in, not under way yet"
	case ledger.Packed:
		return "in a package that is being built or uploaded"
	case ledger.Sending:
		return "being sent"
	case ledger.Unknown:
		return "sent, the answer was lost: being looked up"
	case ledger.Sent:
		return "KSeF has it, outcome not known yet"
	case ledger.Accepted:
		return "has its KSeF number, receipt to come"
	case ledger.Receipted:
		return "has its KSeF number, receipt (UPO) kept"
	case ledger.Rejected:
		return "KSeF refused it: see enqueue open"
	case ledger.Parked:
		return "waits for you: see enqueue open"
	case ledger.Dismissed:
		return "ended by a person: not sent"
	case ledger.Superseded:
		return "another document of its number was accepted"
	}
	return ""
}

// span prints 4h rather than 4h0m0s.
func span(d time.Duration) string {
	s := strings.TrimSuffix(d.String(), "0s")
	if d >= time.Hour && d%time.Hour == 0 {
		s = strings.TrimSuffix(s, "0m")
	}
	if s == "" {
		return "0s"
	}
	return s
}
