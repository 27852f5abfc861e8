package main

import (
	"cmp"
	"context"
	"fmt"

	"ksefworker/internal/audit"
	"ksefworker/internal/ledger"
)

// holdCmd implements the commands pause and drain.
type holdCmd struct {
	Reason  string   `help:"Why. It is shown to others." placeholder:"TEXT"`
	By      string   `help:"Who decided this; by default the user of the operating system." placeholder:"NAME"`
	Tenants []string `arg:"" name:"TENANT" help:"Tenants of the configuration, by name or NIP."`

	kind ledger.HoldKind
}

func (c *holdCmd) run(ctx context.Context, p *program) error {
	for i, name := range c.Tenants {
		t, err := p.tenant("tenant ", name)
		if err != nil {
			return err
		}
		c.Tenants[i] = t.Title()
	}
	if c.Reason != "" { // the reason is sealed with the pool's key
		if err := p.declareStorage(ctx); err != nil {
			return err
		}
	}
	rows := &columns{s: p.out}
	held, err := p.base.Ledger.Holds(ctx)
	if err != nil {
		return err
	}
	for _, name := range c.Tenants {
		// A drain would replace a pause, and then queued invoices would be sent. A pause would
		// replace a drain, and then new invoices would be taken in.
		if h, ok := held[name]; ok && h.Kind != c.kind {
			return &usageError{what: fmt.Sprintf("tenant %s is %s by %s", name, h.Kind, h.By),
				hint: "end that first: " + p.command("resume", name)}
		}
	}
	by := cmp.Or(oneLine(c.By), osUser(p.environ))
	for _, name := range c.Tenants {
		what := map[ledger.HoldKind]string{ledger.Paused: audit.Pause, ledger.Draining: audit.Drain}[c.kind]
		if err := p.base.Audit("enqueue").Begin(ctx, audit.Entry{Who: by, What: what, Tenant: name}); err != nil {
			return err
		}
		if err := p.base.Ledger.Hold(ctx, name, ledger.Hold{Kind: c.kind, By: by, Why: oneLine(c.Reason)}); err != nil {
			return err
		}
		rows.row(name, string(c.kind), holdMeaning(c.kind)+"; "+p.command("resume", name)+" ends it")
	}
	return nil
}

// holdText describes a hold in one line.
func holdText(p *program, tenant string, h ledger.Hold) string {
	s := fmt.Sprintf("tenant %s: %s by %s", tenant, h.Kind, h.By)
	if h.Why != "" {
		s += " (" + h.Why + ")"
	}
	if !h.Since.Time().IsZero() {
		s += " since " + day(h.Since.Time())
	}
	return s + ": " + holdMeaning(h.Kind) + "; " + p.command("resume", tenant) + " ends it"
}

func holdMeaning(k ledger.HoldKind) string {
	if k == ledger.Draining {
		return "no new invoice is taken in; invoices already taken in are sent"
	}
	return "no new invoice is sent, invoices on their way are followed to the end"
}
