package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"ksefworker/internal/ledger"
)

// holdCmd is pause and drain: the two things that a person can keep a tenant from.
type holdCmd struct {
	Reason  string   `help:"Why, for whoever meets it." placeholder:"TEXT"`
	By      string   `help:"Who says so, instead of this machine's user." placeholder:"NAME"`
	Tenants []string `arg:"" name:"TENANT" help:"Tenants of the configuration."`

	kind ledger.HoldKind
}

func (c *holdCmd) run(ctx context.Context, p *program) error {
	for _, name := range c.Tenants {
		if _, ok := p.cfg.Tenant(name); !ok {
			return unknownTenant(p, name)
		}
	}
	rows := &columns{s: p.out}
	held, err := p.base.Ledger.Holds(ctx)
	if err != nil {
		return err
	}
	for _, name := range c.Tenants {
		if h, ok := held[name]; ok && h.Kind != c.kind { // to drain one that is paused would let it go on
			return &usageError{what: fmt.Sprintf("tenant %s is %s by %s", name, h.Kind, h.By), hint: "take that back first: " + p.command("resume "+quoted(name))}
		}
	}
	by := cmp.Or(oneLine(c.By), osUser(p.environ))
	for _, name := range c.Tenants {
		if err := p.base.Ledger.Hold(ctx, name, ledger.Hold{Kind: c.kind, By: by, Why: oneLine(c.Reason)}); err != nil {
			return err
		}
		rows.row(name, string(c.kind), holdMeaning(c.kind)+"; "+p.command("resume "+quoted(name))+" ends it")
	}
	return nil
}

func holdMeaning(k ledger.HoldKind) string {
	if k == ledger.Draining {
		return "nothing new is taken in, what was taken is sent"
	}
	return "nothing new is sent, what is on its way is followed to its end"
}

type resumeCmd struct {
	Tenants []string `arg:"" name:"TENANT" help:"Tenants that were paused or drained."`
}

// run takes any name: a tenant may have left the configuration since.
func (c *resumeCmd) run(ctx context.Context, p *program) error {
	rows, failed := &columns{s: p.out}, false
	for _, name := range c.Tenants {
		was, err := p.base.Ledger.Release(ctx, name)
		switch {
		case err != nil:
			return err
		case !was:
			failed = true
			rows.row(name, "-", "was neither paused nor drained by enqueue"+byConfiguration(p, name))
		default:
			rows.row(name, "resumed", "goes on within seconds"+byConfiguration(p, name))
		}
	}
	if failed {
		return errSome
	}
	return nil
}

func byConfiguration(p *program, name string) string {
	if t, ok := p.cfg.Tenant(name); ok && t.Paused {
		return "; it is paused by the configuration (tenants[].paused)"
	}
	return ""
}

func unknownTenant(p *program, name string) error {
	var names []string
	for _, t := range p.cfg.Tenants {
		names = append(names, t.Title())
	}
	return &usageError{what: fmt.Sprintf("tenant %q is not in the configuration", name), hint: "known are " + strings.Join(names, ", ")}
}
