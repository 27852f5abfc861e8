package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"ksefworker/internal/audit"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
)

// holdCmd is the command of pause and of drain.
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
		// A drain replaces a pause, and the tenant's invoices would be sent again.
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
		return "no new invoice is taken in, invoices that were taken are sent"
	}
	return "no new invoice is sent, invoices on their way are followed to the end"
}

type resumeCmd struct {
	Queue   []string `help:"${resume_queue}" placeholder:"NAME"`
	Tenants []string `arg:"" optional:"" name:"TENANT" help:"Tenants that were paused or drained, by name or NIP."`
}

func (c *resumeCmd) check() error {
	if len(c.Tenants)+len(c.Queue) == 0 {
		return &usageError{what: "nothing is named", hint: "name a tenant, or a queue with --queue; enqueue status lists what is paused"}
	}
	known := slices.Sorted(slices.Values(queue.Own()))
	for _, name := range c.Queue {
		if name == allQueues {
			c.Queue = known
			break
		}
		if !slices.Contains(known, name) {
			return &usageError{what: fmt.Sprintf("--queue %q is not known", name),
				hint: "use all, or one of " + strings.Join(known, ", ")}
		}
	}
	return nil
}

// allQueues stands for every queue.
const allQueues = "all"

// queues resumes queues that a person has paused in the dashboard. It reports whether one of them
// was not paused.
func (c *resumeCmd) queues(ctx context.Context, p *program, rows *columns) (notPaused bool, err error) {
	for _, name := range c.Queue {
		act := audit.Entry{Who: osUser(p.environ), What: audit.Resume, ID: "queue " + name}
		if err := p.base.Audit("enqueue").Begin(ctx, act); err != nil {
			return false, err
		}
		was, err := p.base.Queue.Resume(name)
		switch {
		case err != nil:
			return false, err
		case was:
			rows.row("queue "+name, "resumed", "goes on within seconds")
		case len(c.Queue) == 1:
			rows.row("queue "+name, "-", "was not paused")
			notPaused = true
		}
	}
	return notPaused, nil
}

// run also takes the name of a tenant that was held and then removed from the configuration.
func (c *resumeCmd) run(ctx context.Context, p *program) error {
	held, err := p.base.Ledger.Holds(ctx)
	if err != nil {
		return err
	}
	for i, name := range c.Tenants {
		if _, ok := held[name]; ok {
			continue
		}
		t, err := p.tenant("tenant ", name)
		if err != nil {
			return err
		}
		c.Tenants[i] = t.Title()
	}
	rows := &columns{s: p.out}
	failed, err := c.queues(ctx, p, rows)
	if err != nil {
		return err
	}
	for _, name := range c.Tenants {
		act := audit.Entry{Who: osUser(p.environ), What: audit.Resume, Tenant: name}
		if err := p.base.Audit("enqueue").Begin(ctx, act); err != nil {
			return err
		}
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
