package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ksefworker/internal/audit"
	"ksefworker/internal/queue"
)

type resumeCmd struct {
	Queue     []string `help:"${resume_queue}" placeholder:"NAME"`
	Throttled bool     `help:"${resume_throttled}"`
	Tenants   []string `arg:"" optional:"" name:"TENANT" help:"Tenants that were paused or drained, by name or NIP."`
}

func (c *resumeCmd) check() error {
	if len(c.Tenants)+len(c.Queue) == 0 {
		return &usageError{what: "nothing is named", hint: "name a tenant, or a queue with --queue; enqueue status lists what is paused"}
	}
	if c.Throttled && len(c.Tenants) == 0 {
		return &usageError{what: "--throttled needs a tenant", hint: "name the tenant whose pause is to end"}
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

// queues resumes queues that a person has paused in the dashboard. If only one queue is named,
// notPaused reports that it was not paused. If several queues are named, those that were not paused
// are skipped.
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
	if c.Throttled {
		none, err := c.thaw(ctx, p, rows)
		if err != nil {
			return err
		}
		failed, c.Tenants = failed || none, nil // the flag ends no holds
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

// thaw ends pauses that a 429 asked for. It reports whether one of the tenants had none.
func (c *resumeCmd) thaw(ctx context.Context, p *program, rows *columns) (none bool, err error) {
	for _, name := range c.Tenants {
		act := audit.Entry{Who: osUser(p.environ), What: audit.Resume, Tenant: name, ID: "pause of a 429"}
		if err := p.base.Audit("enqueue").Begin(ctx, act); err != nil {
			return none, err
		}
		groups, err := p.base.Thaw(ctx, name)
		if err != nil {
			return none, err
		}
		if len(groups) == 0 {
			none = true
			rows.row(name, "-", "no pause of a 429 is on record")
			continue
		}
		rows.row(name, "resumed", strings.Join(groups, ", ")+": goes on within an hour; KSeF's next 429 begins another pause")
	}
	return none, nil
}

func byConfiguration(p *program, name string) string {
	if t, ok := p.cfg.Tenant(name); ok && t.Paused {
		return "; it is paused by the configuration (tenants[].paused)"
	}
	return ""
}
