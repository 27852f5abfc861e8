package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

type statusCmd struct {
	State string   `help:"List the invoices in this state." placeholder:"S"`
	JSON  bool     `name:"json" help:"${status_json}"`
	Ref   []string `help:"${status_ref}" placeholder:"REF" sep:"none"`
	Names []string `arg:"" optional:"" name:"ID|P_2|KSEF_NUMBER" help:"Ids as submit printed them, invoice numbers, or KSeF numbers."`
}

func (c *statusCmd) check() error {
	if slices.Contains(c.Ref, "") {
		return &usageError{what: "--ref is empty", hint: unsetVariable}
	}
	if c.State == "" {
		return nil
	}
	if len(c.Names)+len(c.Ref) > 0 {
		return &usageError{what: "--state cannot be combined with ids, numbers or refs", hint: "leave one of them out"}
	}
	if !slices.Contains(ledger.States(), ledger.State(c.State)) {
		var names []string
		for _, s := range ledger.States() {
			names = append(names, string(s))
		}
		return &usageError{what: fmt.Sprintf("--state %q is not known", c.State),
			hint: "use one of " + strings.Join(names, ", ")}
	}
	return nil
}

func (c *statusCmd) run(ctx context.Context, p *program) error {
	switch {
	case len(c.Names)+len(c.Ref) > 0:
		return c.named(ctx, p)
	case c.State != "":
		return c.listed(ctx, p)
	}
	return c.overview(ctx, p)
}

// named shows each invoice in full. Several invoices may have the same number, for example because
// their sellers differ.
func (c *statusCmd) named(ctx context.Context, p *program) error {
	missing, first := false, true
	for i, name := range slices.Concat(c.Names, c.Ref) {
		find, refused, unknown := p.findName, p.inquiry().Refused, unknownInvoice
		if i >= len(c.Names) {
			find, refused, unknown = p.findRef, p.inquiry().RefusedRef, "no invoice has this ref"
		}
		before := p.unread
		invs, err := find(ctx, name)
		known := err != nil
		unsure := hasShared(err)
		instead, unread, err := p.skipNamed(ctx, err)
		if err != nil {
			return err
		}
		missing = missing || unread
		for i := range instead {
			if err := c.archived(p, instead[i], &first); err != nil {
				return err
			}
		}
		if unsure && len(invs)+len(instead) == 0 {
			p.sayUnsure(name)
		}
		if len(invs) == 0 && !known {
			refused, err := refused(ctx, name)
			if err := p.skip(err); err != nil {
				return err
			}
			missing = missing || p.unread > before
			switch {
			case len(refused) > 0:
			case p.unread > before:
				p.sayUnsure(name)
			default:
				missing = true
				elsewhere := "; enqueue find looks in the archive too"
				if i >= len(c.Names) || strings.HasPrefix(name, "ref-") {
					elsewhere = "" // the archive knows no refs and no refused documents
				}
				p.say("%s: %s, and no refused document on record%s", name, unknown, elsewhere)
			}
			for i := range refused {
				if err := c.refusal(p, &refused[i], &first); err != nil {
					return err
				}
			}
			continue
		}
		found, err := p.inquiry().Results(ctx, invs)
		if err != nil {
			return err
		}
		for i, inv := range invs {
			r := found[i]
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

// archived shows what the archive has of an invoice whose entry in the ledger is damaged.
func (c *statusCmd) archived(p *program, r results.Result, first *bool) error {
	if c.JSON {
		return printJSON(p.out, r)
	}
	if !*first {
		p.out.raw("")
	}
	*first = false
	updated, _ := time.Parse(time.RFC3339, r.UpdatedAt)
	known := ledger.Invoice{Facts: ledger.Facts{Tenant: r.Tenant}, State: ledger.State(r.State), UpdatedAt: ledger.At(updated)}
	detail(p.out, known, r, updated)
	return nil
}

// refusal shows a document that was refused, for which there is no invoice.
func (c *statusCmd) refusal(p *program, ref *ledger.Refusal, first *bool) error {
	r := results.OfRefusal(ref)
	if c.JSON {
		return printJSON(p.out, r)
	}
	if !*first {
		p.out.raw("")
	}
	*first = false
	lines := [][2]string{
		{"id", r.ID}, {"state", r.State}, {"reason", r.Reason}, {"number (P_2)", r.Number}, {"kind", r.Kind},
		{"issued (P_1)", r.IssueDate}, {"seller NIP", r.NIP}, {"tenant", r.Tenant}, {"ref", r.Ref}, {"file", r.File},
		{"refused", day(ref.At.Time())},
	}
	if r.State == results.Refused {
		lines = append(lines, [2]string{"what to do", p.whatToDo(inquiry.OpenItem{Tenant: r.Tenant, Result: r, Remedy: ref.Remedy})})
	}
	showLines(p.out, lines)
	return nil
}

func showLines(s *screen, lines [][2]string) {
	for _, line := range lines {
		if line[1] != "" {
			s.println(fmt.Sprintf("%-14s %s", line[0], line[1]))
		}
	}
}

func detail(s *screen, inv ledger.Invoice, r results.Result, now time.Time) {
	deadline := ""
	if !inv.Deadline.Time().IsZero() {
		deadline = deadlineText(inv.Deadline.Time())
		if !inv.State.Final() || inv.State.Open() { // an open item still has to reach KSeF
			deadline += ", " + hoursLeft(inv.Deadline.Time(), now)
		}
	}
	recovered := ""
	if r.Recovered {
		recovered = "KSeF had it already, and it was not accepted a second time"
	}
	code := ""
	if r.Code != 0 {
		code = fmt.Sprint(r.Code)
	}
	showLines(s, [][2]string{
		{"id", r.ID}, {"state", r.State}, {"KSeF number", r.KsefNumber}, {"recovered", recovered},
		{"code", code}, {"reason", r.Reason}, {"taken back", r.TakenBack},
		{"waits for", waitText(r)}, {"number (P_2)", r.Number}, {"kind", r.Kind}, {"issued (P_1)", r.IssueDate},
		{"seller NIP", r.NIP}, {"tenant", inv.Tenant}, {"ref", r.Ref}, {"file", r.File}, {"package", r.Package},
		{"session", r.Session}, {"attempts", fmt.Sprint(r.Attempts)}, {"deadline", deadline},
		{"changed", day(inv.UpdatedAt.Time())}, {"receipt (UPO)", r.UPO}, {"verification", r.VerificationURL},
		{"hash", r.Hash},
	})
}

// listed prints a line for each invoice in the state, the oldest change first.
func (c *statusCmd) listed(ctx context.Context, p *program) error {
	rows := &columns{s: p.out}
	return p.inquiry().InState(ctx, ledger.State(c.State), func(invs []ledger.Invoice) error {
		found, err := p.inquiry().Results(ctx, invs)
		if err != nil {
			return err
		}
		for i, inv := range invs {
			r := found[i]
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
