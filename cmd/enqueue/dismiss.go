package main

import (
	"context"
	"os/user"
	"strings"

	"ksefworker/internal/actions"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

type dismissCmd struct {
	selection
	Reason string `help:"Why. The ledger and the archive keep it." placeholder:"TEXT"`
	By     string `help:"Who decided this; by default the user of the operating system." placeholder:"NAME"`
}

func (c *dismissCmd) check() error {
	states := []string{string(ledger.Queued), string(ledger.Rejected), string(ledger.Parked), results.Refused}
	if err := c.selection.check(states); err != nil {
		return err
	}
	if strings.TrimSpace(c.Reason) == "" {
		return &usageError{what: "--reason is missing", hint: "say why the document is not to be sent: the reason is kept on record"}
	}
	return nil
}

func (c *dismissCmd) run(ctx context.Context, p *program) error {
	if !c.DryRun { // the reason is sealed with the pool's key
		if err := p.declareStorage(ctx); err != nil {
			return err
		}
	}
	ctx, end, err := p.traced(ctx, "enqueue dismiss")
	if err != nil {
		return err
	}
	defer end()
	d := ledger.Dismissal{By: c.By, Reason: oneLine(c.Reason)}
	if d.By = oneLine(d.By); d.By == "" {
		d.By = osUser(p.environ)
	}
	x := p.executor()
	return c.apply(ctx, p, action{
		scope: actions.Scope{
			States:  []ledger.State{ledger.Queued, ledger.Rejected, ledger.Parked},
			Default: []ledger.State{ledger.Rejected, ledger.Parked}, Refusals: true,
		},
		allowed: "only queued, rejected and parked invoices can be dismissed",
		notDone: "not dismissed", would: "would be dismissed", done: string(ledger.Dismissed),
		check:   x.CheckDismiss,
		invoice: func(ctx context.Context, inv *ledger.Invoice) error { return x.Dismiss(ctx, inv, d) },
		refusal: func(ctx context.Context, r *ledger.Refusal) error { return x.DismissRefusal(ctx, r, d) },
	})
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// osUser returns the name of the account that runs this program. USER counts only when the
// operating system does not know the name, because anybody can change USER.
func osUser(environ []string) string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	if name := lookup(environ, "USER"); name != "" { // a container may have no list of users
		return name
	}
	return "unknown"
}
